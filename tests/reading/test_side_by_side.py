"""Records side by side: against groups dealt by plain Python, and known pixels."""

import collections
import dataclasses
import itertools
import math
import shutil

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.reading import stream
from gandl_jax.reading.order import Order
from gandl_jax.reading.side_by_side import SideBySide

SIZES = {"h": 1, "b": 2, "c": 3, "a": 4, "e": 5, "f": 7, "g": 12}  # records of wells
WELLS = np.random.default_rng(0).permutation(
    np.repeat(np.array(list(SIZES), object), list(SIZES.values()))
)
COUNTS = [2, 3, 4]


def records(count, steps, **changes):
    """[steps, B / processes] records, `count` of one of `WELLS` together."""
    options = {"batch": 24, "crops": 1, "seed": 3, "first_step": 0} | changes
    order = Order(len(WELLS), side_by_side=SideBySide(WELLS, count), **options)
    local = order.batch // order.processes
    taken = itertools.islice(order.sites().as_numpy_iterator(), steps * local)
    return np.array([record for _, record in taken]).reshape(steps, local)


def epochs(count, number):
    """[number, G, count] records: the groups of so many epochs."""
    groups = sum(math.ceil(size / count) for size in SIZES.values())
    steps = math.ceil(number * groups * count / 24)
    groups_in_a_row = records(count, steps).reshape(-1, count)
    return groups_in_a_row[: number * groups].reshape(number, groups, count)


def dealt(units, bits, count):
    """The groups of an epoch, one after the other, as a person would deal them."""
    mixed = np.argsort(bits[: len(units)])
    groups = []
    for unit in pd.unique(units):
        own = [record for record in mixed if units[record] == unit]
        places = math.ceil(len(own) / count) * count
        filled = list(itertools.islice(itertools.cycle(own), places))
        groups += [filled[i : i + count] for i in range(0, places, count)]
    return np.concatenate([groups[i] for i in np.argsort(bits[len(units) :])])


@pytest.mark.parametrize("count", [1, *COUNTS, 20])
def test_an_epoch_is_dealt_as_by_hand(count):
    groups = sum(math.ceil(size / count) for size in SIZES.values())
    side_by_side = SideBySide(WELLS, count)
    assert side_by_side.groups == groups and side_by_side.records == groups * count
    bits = np.random.default_rng(1).integers(-(2**62), 2**62, len(WELLS) + groups)
    np.testing.assert_array_equal(side_by_side.epoch(bits), dealt(WELLS, bits, count))


@pytest.mark.parametrize("count", COUNTS)
def test_every_group_is_of_one_well_and_repeats_only_where_it_must(count):
    for group in records(count, 40).reshape(-1, count).tolist():
        (well,) = set(WELLS[group])
        assert len(set(group)) == min(count, SIZES[well])


@pytest.mark.parametrize("count", COUNTS)
def test_an_epoch_has_every_record_about_equally_often(count):
    found, times = epochs(count, 150), np.zeros(len(WELLS))
    for groups in found:
        seen = np.bincount(groups.ravel(), minlength=len(WELLS))
        times += seen
        for well, size in SIZES.items():
            places = math.ceil(size / count) * count
            own = seen[WELLS == well]
            twice = places % size
            assert sorted(own) == sorted(
                [places // size + 1] * twice + [places // size] * (size - twice)
            )
    # None is favoured: those that come again are drawn anew in each epoch.
    sizes = np.array([SIZES[well] for well in WELLS])
    expected = np.ceil(sizes / count) * count / sizes
    np.testing.assert_allclose(times / 150, expected, atol=0.17)  # 4 sd of .5 / 150^.5
    orders = {tuple(WELLS[groups[:, 0]]) for groups in found}
    assert len(orders) > 145


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("first_step", [1, 2, 17])
def test_starting_late_equals_skipping(count, first_step):
    late = records(count, 5, first_step=first_step)
    np.testing.assert_array_equal(late, records(count, first_step + 5)[first_step:])


@pytest.mark.parametrize("count, processes", [(2, 8), (3, 2), (4, 2)])
def test_processes_take_contiguous_parts(count, processes):
    options = {"batch": 24 * processes, "first_step": 3}
    parts = [
        records(count, 9, process=i, processes=processes, **options)
        for i in range(processes)
    ]
    whole = records(count, 9, **options)
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crops": 2}, "4 records of a group side by side: .*crops_per_site=1$"),
        ({"batch": 18}, "batch of 18 does not split .* make it a multiple of 4$"),
        ({"processes": 4}, "over 4 processes in groups of 4 .* a multiple of 16$"),
    ],
)
def test_what_cannot_be(changes, message):
    with pytest.raises(InputError, match=message):
        records(4, 1, **changes)


ARGS = {"channels": (), "scaling": "dataset", "illumination": "none", "crop_px": 8}
ARGS |= {"batch": 12, "seed": 3, "first_step": 0, "flips": False, "rotations": False}


def batches(prepared, count, **changes):
    return list(
        itertools.islice(stream.train_batches(prepared, **ARGS | changes), count)
    )


def named(prepared):
    """Labels that name each record by its number."""
    return {"record": np.arange(prepared.records, dtype=np.int32)}


@pytest.fixture
def plates(tiny):
    return tiny[0].table["Metadata_Plate"].to_numpy(str)


def test_a_batch_holds_crops_of_records_of_one_plate_and_none_held_out(
    tiny, plates, stretched
):
    prepared, pixels = tiny
    rows = np.array([0, 1, 3, 4, 5, 7, 8, 9, 11, 12])
    sites = list(stretched(prepared, pixels).values())
    together = SideBySide(plates[rows], 3)
    seen = collections.Counter()
    for batch in batches(
        prepared, 10, rows=rows, side_by_side=together, labels=named(prepared)
    ):
        found = batch["labels"]["record"]
        assert all(len(set(group)) == 1 for group in plates[found].reshape(-1, 3))
        for image, record in zip(batch["images"], found, strict=True):
            assert _holds(sites[record], image)
        seen.update(found.tolist())
    assert set(seen) == set(rows.tolist())


def test_of_a_unit_of_one_record_all_crops_are_its_own_and_differ(tiny, stretched):
    prepared, pixels = tiny
    sites = list(stretched(prepared, pixels).values())
    together = SideBySide(np.arange(prepared.records), 4)
    for batch in batches(prepared, 6, side_by_side=together, labels=named(prepared)):
        for group, images in zip(
            batch["labels"]["record"].reshape(-1, 4),
            batch["images"].reshape(-1, 4, 8, 8, 2),
            strict=True,
        ):
            assert len(set(group)) == 1
            assert all(_holds(sites[group[0]], image) for image in images)
            assert len({image.tobytes() for image in images}) > 1


@pytest.mark.parametrize("processes", [2, 3])
def test_parts_of_processes_join_and_a_late_start_goes_on(tiny, plates, processes):
    options = {"side_by_side": SideBySide(plates, 2), "flips": True, "rotations": True}
    whole = batches(tiny[0], 5, **options)
    parts = [
        batches(tiny[0], 3, first_step=2, process=i, processes=processes, **options)
        for i in range(processes)
    ]
    for one, *several in zip(whole[2:], *parts, strict=True):
        for name in ("images", "index"):
            joined = np.concatenate([part[name] for part in several])
            np.testing.assert_array_equal(joined, one[name])


@pytest.mark.parametrize("count", [1, 5])
def test_what_stands_in_for_a_damaged_record_is_of_the_groups_plate(
    tiny, plates, tmp_path, count
):
    """One of plate 1's records, and all 5 of them: then another plate's stand in."""
    assert (plates == "1").sum() == 5
    damaged = np.flatnonzero(plates == "1")[:count].tolist()
    copy = shutil.copytree(tiny[0].directory, tmp_path / "copy")
    prepared = dataclasses.replace(tiny[0], directory=str(copy))
    for record in damaged:
        with open(prepared.path(int(prepared.shard[record])), "r+b") as file:
            file.seek(prepared.offset[record] + 12 + prepared.length[record] // 2)
            file.write(b"\0\1\2\3")
    bad = []
    options = {"side_by_side": SideBySide(plates, 2), "labels": named(prepared)}
    got = batches(prepared, 6, on_bad=bad.append, **options)
    whole = batches(tiny[0], 6, **options)
    for one, other in zip(got, whole, strict=True):
        found, wanted = one["labels"]["record"], other["labels"]["record"]
        assert all(len(set(group)) == 1 for group in plates[found].reshape(-1, 2))
        assert not set(found) & set(damaged)
        is_whole = ~np.isin(wanted, damaged)
        np.testing.assert_array_equal(found[is_whole], wanted[is_whole])
        if count == 1:
            np.testing.assert_array_equal(plates[found], plates[wanted])
    assert set(bad) == set(damaged)
    late = batches(prepared, 1, first_step=5, on_bad=bad.append, **options)
    np.testing.assert_array_equal(late[0]["images"], got[5]["images"])


def _holds(site, image):
    """Whether an image is a window of a site."""
    windows = np.lib.stride_tricks.sliding_window_view(site, image.shape[:2], (0, 1))
    apart = np.abs(windows - np.moveaxis(image, -1, 0)).max((-1, -2, -3))
    return apart.min() < 1e-5
