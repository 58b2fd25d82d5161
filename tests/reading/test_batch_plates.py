"""Groups in a batch, against batches drawn by NumPy and those that training reads."""

import itertools

import numpy as np
import pytest

from gandl_jax.reading import batch_plates, order, stream


def test_expected_is_the_mean_of_many_draws():
    group = np.repeat(["a", "b", "c", "d"], [1, 2, 5, 12])
    draws = np.random.default_rng(0).choice(group, (20_000, 6))
    found = [len(set(draw)) for draw in draws.tolist()]
    assert batch_plates.expected(group, 6) == pytest.approx(np.mean(found), abs=0.03)
    assert batch_plates.expected(np.zeros(5, int), 6) == pytest.approx(1)


def test_groups_are_those_of_the_batches_that_training_reads(tiny):
    prepared, pixels = tiny
    read = stream.train_batches(
        prepared,
        channels=(),
        scaling="dataset",
        illumination="none",
        crop_px=20,  # the width
        batch=4,
        seed=3,
        first_step=0,
        flips=False,
        rotations=False,
    )
    plates = prepared.table["Metadata_Plate"].astype(int).to_numpy()
    of_site = dict(zip(prepared.table["Metadata_Site_ID"], plates, strict=True))
    wanted = [
        len({of_site[_site(image, pixels)] for image in one["images"]})
        for one in itertools.islice(read, 9)
    ]
    assert len(set(wanted)) > 1
    placed = order.Order(prepared.records, 4, 1, 3, 0)
    assert batch_plates.distinct(placed, plates, 9).tolist() == wanted


def test_crops_in_a_batch_are_all_of_distinct_sites():
    placed = order.Order(40, 4, 2, 3, 0)
    every, one = np.arange(40), np.zeros(40, int)
    assert batch_plates.distinct(placed, every, 25).tolist() == [4] * 25
    assert batch_plates.distinct(placed, one, 25).tolist() == [1] * 25


def _site(image, pixels):
    """The site whose crop correlates with an image."""
    found = {
        name: max(
            np.corrcoef(image.ravel(), pixels[name][y : y + 20].ravel())[0, 1]
            for y in range(5)
        )
        for name in pixels
    }
    return max(found, key=found.get)
