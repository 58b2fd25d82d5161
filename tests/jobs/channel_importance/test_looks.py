"""Spreads beside NumPy's percentiles, correlations beside NumPy's; what is refused."""

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.jobs.channel_importance import looks

RNG = np.random.default_rng(0)
NAMES = ("dna", "actin", "rna")


def drawn(count=6):
    """Tiles [count, 1, 8, 8, 3]: full range, half of it, and alike to the first."""
    first = RNG.uniform(-1, 1, (count, 1, 8, 8))
    second = RNG.uniform(-0.5, 0.5, first.shape)
    third = (first + RNG.normal(0, 0.3, first.shape)).clip(-1, 1)
    return np.stack([first, second, third], -1).astype(np.float32)


def test_spreads_are_those_of_percentiles_and_correlations_are_numpy_s():
    tiles = drawn(40)
    found = looks.measure(np.split(tiles, 4), 3)
    flat = tiles.reshape(-1, 3)
    low, high = np.percentile(flat, [0.1, 99.9], axis=0, method="inverted_cdf")
    np.testing.assert_allclose(found.spread, high - low, atol=4 / looks.BINS)
    expected = np.corrcoef(flat.astype(np.float64).T)
    np.testing.assert_allclose(found.correlation, expected, atol=1e-9)
    again = looks.from_table(found.table(NAMES).astype(str))
    np.testing.assert_array_equal(again.correlation, found.correlation)
    np.testing.assert_array_equal(again.spread, found.spread)


def test_a_constant_channel_is_refused_by_name():
    tiles = drawn()
    tiles[..., 1] = 0.25
    found = looks.measure([tiles], 3)
    assert found.spread[1] == 0 and not found.correlation[1].any()
    with pytest.raises(InputError, match="actin is constant over the 6 records"):
        looks.refuse(found, NAMES, 6)


def test_channels_of_different_scales_are_refused_and_a_half_is_not():
    tiles = drawn()
    looks.refuse(looks.measure([tiles], 3), NAMES, 6)
    tiles[..., 2] /= 10
    with pytest.raises(InputError, match="rna and dna are of different scales"):
        looks.refuse(looks.measure([tiles], 3), NAMES, 6)


def test_channels_that_are_the_same_are_told_whatever_their_level():
    tiles = drawn()
    tiles[..., 1] = tiles[..., 0] * -0.5 + 0.1
    found = looks.measure([tiles], 3)
    assert looks.same(found, NAMES) == [("dna", "actin")]
