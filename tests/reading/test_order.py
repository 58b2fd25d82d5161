"""The order of sites and crops: against its own rule, written again in NumPy."""

import itertools

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.host_tensorflow import tf
from gandl_jax.reading.order import APART, Order


def batches(count, **options):
    """[count, B / processes, 2] record and sample of each crop, as they come."""
    order = Order(**options)

    def crops(place, record):
        many = tf.fill([order.crops], record)
        return tf.ensure_shape(many, [order.crops]), order.samples(place)

    stream = order.in_batches(order.sites().map(crops))
    local = order.batch // order.processes
    taken = itertools.islice(stream.as_numpy_iterator(), count * local)
    return np.array(list(taken)).reshape(count, local, 2)


@pytest.mark.parametrize("crops", [1, 2, 4])
def test_no_batch_holds_a_site_twice_and_samples_come_in_their_order(crops):
    got = batches(600, records=100, batch=8, crops=crops, seed=3, first_step=0)
    np.testing.assert_array_equal(got[..., 1].ravel(), np.arange(600 * 8))
    if crops > 1:  # over the ends of several epochs
        assert all(len(set(batch)) == 8 for batch in got[..., 0].tolist())
        for one, other in itertools.pairwise(got[..., 0].tolist()):
            assert not set(one) & set(other)  # nor do two in a row


def test_of_each_site_all_crops_are_used_apart():
    crops, batch, records = 4, 8, 100
    got = batches(100, records=records, batch=batch, crops=crops, seed=3, first_step=0)
    uses = {}  # (site's place) -> [(step, crop)]; new sites are those of the last slot
    for step, position in np.ndindex(got.shape[:2]):
        member, crop = divmod(position, crops)
        place = (step + crop * APART) * (batch // crops) + member
        uses.setdefault(place, []).append((step, crop, got[step, position, 0]))
    whole = [u for u in uses.values() if len(u) == crops]
    assert len(whole) > 150
    for use in whole:
        steps, slots, sites = zip(*use, strict=True)
        assert len(set(sites)) == 1 and sorted(slots) == list(range(crops))
        assert set(np.diff(steps)) == {APART}
    first_epoch = [uses[place][0][2] for place in range(records)]
    assert sorted(first_epoch) == list(range(records))


@pytest.mark.parametrize("first_step", [1, 7, 40])
def test_starting_late_equals_skipping(first_step):
    options = {"records": 100, "batch": 8, "crops": 4, "seed": 5}
    whole = batches(first_step + 5, first_step=0, **options)
    late = batches(5, first_step=first_step, **options)
    np.testing.assert_array_equal(late, whole[first_step:])


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_take_contiguous_parts(processes):
    options = {"records": 200, "batch": 16, "crops": 4, "seed": 5, "first_step": 3}
    whole = batches(30, **options)
    parts = [
        batches(30, process=i, processes=processes, **options) for i in range(processes)
    ]
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole)


@pytest.mark.slow
def test_plates_mix_as_in_independent_draws():
    """57 plates of RxRx19a's size: distinct plates in a batch, by their expectation."""
    plates, batch = 57, 32
    got = batches(800, records=57 * 300, batch=batch, crops=8, seed=1, first_step=0)
    distinct = [len(set(records % plates)) for records in got[..., 0]]
    expected = plates * (1 - (1 - 1 / plates) ** batch)  # 24.65 (sd about 1.9)
    assert abs(np.mean(distinct) - expected) < 0.4
    assert min(distinct) > 17


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crops": 3}, "crops_per_site=3 times 1 processes do not divide"),
        ({"processes": 4}, "crops_per_site=4 times 4 processes do not divide"),
        ({"records": 83}, "needs 84 sites"),
    ],
)
def test_what_cannot_be(changes, message):
    options = {"records": 84, "batch": 8, "crops": 4, "seed": 0, "first_step": 0}
    Order(**options)
    with pytest.raises(InputError, match=message):
        Order(**(options | changes))
