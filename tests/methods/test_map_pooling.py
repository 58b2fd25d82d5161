"""Covariances of a map's channels, against NumPy's."""

import numpy as np
import pytest

from gandl_jax.methods import map_pooling


@pytest.mark.parametrize("channels", [3, 32, 40])
def test_covariances_are_numpys_of_the_projected_channels(channels):
    rng = np.random.default_rng(0)
    maps = rng.normal(2, 1, (2, 4, 5, channels)).astype(np.float32)
    found = np.asarray(map_pooling.covariances(maps))
    width = min(channels, 32)
    assert found.shape == (2, width * (width + 1) // 2)
    upper = np.triu_indices(width)
    for image, row in zip(maps, found, strict=True):
        pixels = image.reshape(-1, channels).astype(np.float64)
        pixels = pixels @ map_pooling.projection(channels)
        expected = np.cov(pixels, rowvar=False, bias=True)[upper]
        np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-5)


def test_a_projection_keeps_lengths_within_its_columns():
    matrix = map_pooling.projection(100)
    assert matrix.shape == (100, 32) and matrix.dtype == np.float32
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(32), atol=1e-6)
    assert np.array_equal(map_pooling.projection(7), np.eye(7))


def test_means_and_deviations_are_numpys():
    maps = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype(np.float32)
    found = map_pooling.means_and_deviations(maps)
    pixels = maps.reshape(2, 12, 5).astype(np.float64)
    expected = np.concatenate([pixels.mean(1), pixels.std(1)], 1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
