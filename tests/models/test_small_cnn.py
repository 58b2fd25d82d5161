"""The small network's parts beside NumPy and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import correlate

from gandl_jax.models import small_cnn


def test_widths_double_up_to_a_limit():
    assert small_cnn.widths(8, 20, 4) == (8, 16, 20, 20)


def test_a_layer_is_a_correlation_normalised_by_groups():
    layer = small_cnn.Layer(16)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype(np.float32)
    params = layer.init(jax.random.key(1), x)["params"]
    kernel = np.asarray(params["conv"]["kernel"], np.float64)
    y = np.zeros((2, 6, 6, 16))
    for sample, out, channel in np.ndindex(2, 16, 3):
        y[sample, ..., out] += correlate(
            x[sample, ..., channel].astype(float),
            kernel[..., channel, out],
            mode="constant",
        )
    groups = y.reshape(2, 36, 8, 2)
    mean, var = groups.mean((1, 3), keepdims=True), groups.var((1, 3), keepdims=True)
    expected = ((groups - mean) / np.sqrt(var + 1e-6)).reshape(y.shape).clip(0)
    np.testing.assert_allclose(layer.apply({"params": params}, x), expected, atol=1e-4)


def test_a_grey_image_excites_the_layer_as_before():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 2, 4))
    for sources in ((0, 1, None), (1, 0), (None,)):
        taken = small_cnn.takes_channels(kernel, sources, axis=2)
        np.testing.assert_allclose(taken.sum(2), kernel.sum(2), atol=1e-6)


@pytest.mark.parametrize("blocks, side", [(2, 12), (3, 24)])
def test_any_multiple_of_the_blocks_is_rebuilt_in_its_size(blocks, side):
    net = small_cnn.Autoencoder(2, side, small_cnn.widths(4, 8, blocks), 5)
    shapes = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((1, side, side, 2)))
    images = jax.ShapeDtypeStruct((3, side, side, 2), jnp.float32)
    assert jax.eval_shape(net.apply, shapes, images).shape == images.shape
