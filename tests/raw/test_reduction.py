"""Reduced images, against whole-number arithmetic."""

import fractions

import numpy as np
import pytest

from gandl_jax.raw.reduction import area_mean, eight_bits


def exact(pixels, factor):
    """The rounded mean of every block, in fractions: Python rounds halves to even."""
    rows, columns = (side // factor for side in pixels.shape)
    blocks = [
        [pixels[y * factor :, x * factor :][:factor, :factor] for x in range(columns)]
        for y in range(rows)
    ]
    return [
        [round(fractions.Fraction(sum(b.ravel().tolist()), b.size)) for b in row]
        for row in blocks
    ]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("factor", [1, 2, 3, 4, 7])
def test_the_mean_of_each_block(dtype, factor):
    rng = np.random.default_rng(factor)
    pixels = rng.integers(0, np.iinfo(dtype).max, (31, 45), dtype, endpoint=True)
    got = area_mean(pixels, factor)
    assert got.dtype == dtype and got.shape == (31 // factor, 45 // factor)
    assert got.tolist() == exact(pixels, factor)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_blocks_equal_numpys_mean(dtype):
    pixels = np.random.default_rng(1).integers(0, 99, (64, 48), dtype)
    means = pixels.reshape(16, 4, 12, 4).mean((1, 3))
    np.testing.assert_array_equal(area_mean(pixels, 4), np.round(means))


def test_halves_go_to_the_even_level_and_the_brightest_stays():
    pixels = np.array([[0, 1, 1, 2], [1, 0, 2, 1]], np.uint8)  # means .5 and 1.5
    assert area_mean(pixels, 2).tolist() == [[0, 2]]
    white = np.full((512, 512), 65535, np.uint16)
    assert area_mean(white, 512).tolist() == [[65535]]


@pytest.mark.parametrize("white", [1, 255, 4095, 65535])
def test_eight_bits_of_sixteen(white):
    levels = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    got = eight_bits(levels, white)
    assert got.dtype == np.uint8 and got.shape == levels.shape
    for level, found in zip(
        levels.ravel()[::37].tolist(), got.ravel()[::37].tolist(), strict=True
    ):
        assert found == round(fractions.Fraction(min(level, white) * 255, white))
