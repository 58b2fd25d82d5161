"""Tiles to one row a record, wherever batches are cut."""

import numpy as np
import pytest

from gandl_jax.reading import tiles, tiling
from gandl_jax.training import pooling


class Bare:
    """A method without hooks."""


class Pooling:
    """A method that makes more of tiles than their mean."""

    def pool(self, encoder, sets):
        x = sets["corner"]
        return {"corner": x.max(0) * encoder, "count": x[:1, 0] * 0 + len(x)}


def corner(images):
    return {"corner": images[:, 0, 0]}


def records_of(screen, batch, pool):
    """What a shard of `tiny` (5 records of 9 tiles) becomes."""
    batches = tiles.tile_batches(
        screen,
        0,
        channels=(),
        scaling="dataset",
        illumination="none",
        crop_px=8,
        batch=batch,
    )
    return pooling.pooled(corner, pool, batches)


@pytest.mark.parametrize("batch", [1, 4, 9, 100])
def test_all_tiles_of_a_record_meet_wherever_batches_are_cut(tiny, stretched, batch):
    screen, pixels = tiny
    sites = stretched(screen, pixels)
    ids = screen.table["Metadata_Site_ID"][screen.rows(0)]
    corners = [
        [sites[name][y, x] for y, x in tiling.offsets(24, 20, 8)] for name in ids
    ]
    rows, sets = records_of(screen, batch, pooling.pool_function(Pooling(), 2.0))
    assert rows.tolist() == screen.rows(0).tolist()
    np.testing.assert_allclose(sets["corner"], 2 * np.max(corners, 1), atol=1e-5)
    np.testing.assert_array_equal(sets["count"], np.full((len(ids), 1), 9))
    rows, sets = records_of(screen, batch, pooling.pool_function(Bare(), 2.0))
    assert rows.tolist() == screen.rows(0).tolist()
    np.testing.assert_allclose(sets["corner"], np.mean(corners, 1), atol=1e-5)


def test_batches_change_no_bit(tiny):
    for method in (Bare(), Pooling()):
        pool = pooling.pool_function(method, np.float32(1 / 3))
        once, (_, often) = (records_of(tiny[0], n, pool) for n in (100, 4))
        for name, x in once[1].items():
            assert x.dtype == np.float32
            np.testing.assert_array_equal(x, often[name])


def test_what_is_averaged_over_orientations_depends_on_none():
    image = np.random.default_rng(0).normal(size=(1, 3, 3, 1)).astype(np.float32)

    def encode(images):
        return {"corner": images[:, 0, 0], "side": images[:, 0, 1]}

    corners, sides = image[0, ::2, ::2, 0], image[0, [0, 1, 1, 2], [1, 0, 2, 1], 0]
    for count in (4, 8):
        seen = pooling.over_orientations(encode, count)(image)
        np.testing.assert_allclose(seen["corner"], [[corners.mean()]], rtol=1e-5)
        np.testing.assert_allclose(seen["side"], [[sides.mean()]], rtol=1e-5)
    once = pooling.over_orientations(encode, 1)(image)
    np.testing.assert_array_equal(once["corner"], image[:, 0, 0])

    def weigh(images):
        weights = np.arange(9, dtype=np.float32)[:, None] ** 2
        return {"all": images[..., 0].reshape(1, -1) @ weights}

    averaged = pooling.over_orientations(weigh, 8)
    expected = averaged(image)["all"]
    for turned in (image[:, ::-1], np.rot90(image, 1, (1, 2)), image.swapaxes(1, 2)):
        np.testing.assert_allclose(averaged(turned)["all"], expected, rtol=1e-5)
