"""Resampling against zero-stuffing and scipy's convolutions, written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from gandl_jax.methods import style_generator_options
from gandl_jax.models.stylegan2 import costs, resample

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


@pytest.mark.parametrize("form", resample.DOWNSAMPLE_CONVOLVE)
def test_downsample_is_the_filter_and_every_other_pixel(image, form):
    def oracle(plane):
        return signal.correlate2d(np.pad(plane, 1), FILTER, "valid")[::2, ::2]

    actual = resample.downsample(jnp.asarray(image), form)
    np.testing.assert_allclose(actual, every_plane(oracle, image), atol=1e-6)


def upsampled(image, weight):
    """Zeros between pixels, true convolution, filter: written out in float64."""
    (batch, height, width, _), (*_, inputs, outputs) = image.shape, weight.shape
    result = np.zeros((batch, 2 * height, 2 * width, outputs))
    for b, c, d in np.ndindex(batch, inputs, outputs):
        full = signal.convolve2d(stuffed(image[b, ..., c]), weight[..., c, d], "full")
        padded = np.pad(full[:-1, :-1], 1)  # the last stuffed zeros are no pixels
        result[b, ..., d] += signal.correlate2d(padded, 4 * FILTER, "valid")
    return result


def downsampled(image, weight):
    """Filter, then correlation at every other pixel: written out in float64."""
    (batch, height, width, _), (*_, inputs, outputs) = image.shape, weight.shape
    result = np.zeros((batch, height // 2, width // 2, outputs))
    for b, c, d in np.ndindex(batch, inputs, outputs):
        blurred = signal.correlate2d(np.pad(image[b, ..., c], 2), FILTER, "valid")
        result[b, ..., d] += signal.correlate2d(blurred, weight[..., c, d], "valid")[
            ::2, ::2
        ]
    return result


LAYERS = {
    "up": (resample.upsample_convolve, upsampled),
    "down": (resample.downsample_convolve, downsampled),
}


@pytest.fixture
def weight():
    return np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32)


@pytest.mark.parametrize("form", resample.UPSAMPLE_CONVOLVE)
@pytest.mark.parametrize("layer", LAYERS)
def test_layers_are_the_filter_and_the_convolution(layer, form, image, weight):
    ours, oracle = LAYERS[layer]
    actual = ours(jnp.asarray(image), jnp.asarray(weight), form)
    np.testing.assert_allclose(actual, oracle(image, weight), atol=1e-5)


@pytest.mark.parametrize("form", resample.UPSAMPLE_CONVOLVE)
@pytest.mark.parametrize("layer", LAYERS)
def test_first_and_second_derivatives_of_layers(layer, form, image, weight):
    """The layer is linear in the image and in the weight, so what the oracle says of
    other images and weights is what its derivatives amount to."""
    ours, oracle = LAYERS[layer]
    rng = np.random.default_rng(2)
    toward = rng.normal(size=oracle(image, weight).shape).astype(np.float32)
    other = rng.normal(size=image.shape).astype(np.float32)
    nudge = rng.normal(size=weight.shape).astype(np.float32)

    def along(x, w):
        return (ours(x, w, form) * toward).sum()

    def slope(x, w):
        """<d along / d x, other>, which is along(other, w)."""
        return (jax.grad(along)(x, w) * other).sum()

    for_image, for_weight = jax.jit(jax.grad(along, (0, 1)))(image, weight)
    expected = (oracle(other, weight) * toward).sum()
    np.testing.assert_allclose((for_image * other).sum(), expected, rtol=1e-4)
    expected = (oracle(image, nudge) * toward).sum()
    np.testing.assert_allclose((for_weight * nudge).sum(), expected, rtol=1e-4)
    mixed = jax.jit(jax.grad(slope, 1))(image, weight)
    expected = (oracle(other, nudge) * toward).sum()
    np.testing.assert_allclose((mixed * nudge).sum(), expected, rtol=1e-4)


@pytest.mark.parametrize("layer", LAYERS)
def test_forms_are_equal_with_all_their_derivatives(layer, image, weight):
    ours, _ = LAYERS[layer]

    def curved(x, w, form):
        gradient = jax.grad(lambda x: jnp.sin(ours(x, w, form)).sum())(x)
        return jnp.square(gradient).sum()

    def everything(form):
        slopes = jax.jit(jax.grad(curved, (0, 1)), static_argnums=2)
        return ours(image, weight, form), *slopes(image, weight, form)

    image, weight = jnp.asarray(image), jnp.asarray(weight)
    first, *others = map(everything, resample.UPSAMPLE_CONVOLVE)
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5 * float(jnp.abs(a).max()))


def test_the_form_is_the_cheapest_of_the_nearest_layer(monkeypatch):
    known = {
        (64, 64): {"folded": 1.0, "strided": 2.0},
        (256, 128): {"folded": 3.0, "strided": 2.0},
    }
    monkeypatch.setattr(costs, "COSTS", {"tpu": {"up": known, "down": known}})
    assert costs.form("tpu", "up", 64, 64) == "folded"
    assert costs.form("tpu", "down", 256, 256) == "strided"
    assert costs.form("tpu", "up", 8, 32) == "folded"
    assert costs.form("strided_sums", "up", 8, 32) == "strided_sums"
    assert costs.form("gpu", "up", 8, 32) == costs.UNMEASURED


def test_every_form_can_be_named():
    named = {"auto", "cpu", "gpu", "tpu"} | set(resample.UPSAMPLE_CONVOLVE)
    assert set(style_generator_options.RESAMPLING) == named
