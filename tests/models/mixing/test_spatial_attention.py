"""Gates of pixels beside a convolution of SciPy."""

import jax
import numpy as np
from scipy.signal import correlate2d
from scipy.special import softmax

from gandl_jax.models.mixing import spatial_attention

RNG = np.random.default_rng(4)


def drawn(images):
    layer = spatial_attention.Mixing()
    params = layer.init(jax.random.key(0), images)["params"]
    params = jax.tree.map(lambda x: np.float32(RNG.normal(0, 1, x.shape)), params)
    return layer, params


def test_each_channel_is_multiplied_by_the_pixel_s_gate(images):
    images = np.float32(images)
    layer, params = drawn(images)
    takes, makes = params["gates"]["takes"], params["gates"]["makes"]
    found = layer.apply({"params": params}, images)
    for image, seen in zip(images, found, strict=True):
        units = np.stack(
            [
                sum(
                    correlate2d(image[..., c], takes["kernel"][..., c, unit], "same")
                    for c in range(4)
                )
                + takes["bias"][unit]
                for unit in range(takes["kernel"].shape[-1])
            ],
            -1,
        )
        logits = np.maximum(units, 0) @ makes["kernel"][0, 0] + makes["bias"]
        expected = image * softmax(logits, -1) * 4
        np.testing.assert_allclose(seen, expected, atol=1e-4)


def test_gates_begin_as_one(images):
    layer = spatial_attention.Mixing()
    params = layer.init(jax.random.key(0), images)
    found = layer.apply(params, np.float32(images))
    np.testing.assert_allclose(found, images, atol=1e-6)


def test_channels_in_another_order_have_their_gates(images):
    images = np.float32(images)
    layer, params = drawn(images)
    order = (2, 0, 3, 1)
    new = spatial_attention.with_channels(params, order)
    before = layer.apply({"params": params}, images)
    after = layer.apply({"params": new}, images[..., order])
    np.testing.assert_allclose(after, before[..., order], atol=1e-4)
