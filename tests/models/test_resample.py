"""Resampling against zero-stuffing and scipy's convolutions, written out."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from gandl_jax.models import resample

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(2, 6, 8, 3)).astype(np.float32)


def stuffed(plane):
    zeros = np.zeros((2 * plane.shape[0], 2 * plane.shape[1]))
    zeros[::2, ::2] = plane
    return zeros


def every_plane(fn, image):
    planes = [[fn(image[b, ..., c]) for c in range(3)] for b in range(2)]
    return np.moveaxis(np.array(planes), 1, -1)


def test_upsample_is_zero_stuffing_and_the_filter(image):
    def oracle(plane):
        padded = np.pad(stuffed(plane), ((2, 1), (2, 1)))
        return signal.correlate2d(padded, 4 * FILTER, "valid")

    np.testing.assert_allclose(
        resample.upsample(jnp.asarray(image)), every_plane(oracle, image), atol=1e-6
    )


def test_downsample_is_the_filter_and_every_other_pixel(image):
    def oracle(plane):
        return signal.correlate2d(np.pad(plane, 1), FILTER, "valid")[::2, ::2]

    np.testing.assert_allclose(
        resample.downsample(jnp.asarray(image)), every_plane(oracle, image), atol=1e-6
    )


def test_upsample_convolve_is_stuffing_true_convolution_and_filter(image):
    weight = np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32)
    expected = np.zeros((2, 12, 16, 4))
    for b, c, d in np.ndindex(2, 3, 4):
        full = signal.convolve2d(stuffed(image[b, ..., c]), weight[..., c, d], "full")
        padded = np.pad(full[:-1, :-1], 1)  # the last stuffed zeros are no pixels
        expected[b, ..., d] += signal.correlate2d(padded, 4 * FILTER, "valid")
    actual = resample.upsample_convolve(jnp.asarray(image), jnp.asarray(weight))
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_downsample_convolve_is_filter_and_strided_correlation(image):
    weight = np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32)
    expected = np.zeros((2, 3, 4, 4))
    for b, c, d in np.ndindex(2, 3, 4):
        blurred = signal.correlate2d(np.pad(image[b, ..., c], 2), FILTER, "valid")
        full = signal.correlate2d(blurred, weight[..., c, d], "valid")
        expected[b, ..., d] += full[::2, ::2]
    actual = resample.downsample_convolve(jnp.asarray(image), jnp.asarray(weight))
    np.testing.assert_allclose(actual, expected, atol=1e-5)
