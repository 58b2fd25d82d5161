"""Gates of whole images beside their formula."""

import jax
import numpy as np

from gandl_jax.models.mixing import squeeze_excitation

RNG = np.random.default_rng(3)


def drawn(images):
    layer = squeeze_excitation.Mixing()
    params = layer.init(jax.random.key(0), images)["params"]
    params = jax.tree.map(lambda x: np.float32(RNG.normal(0, 1, x.shape)), params)
    return layer, params


def test_each_channel_is_multiplied_by_its_gate(images):
    images = np.float32(images)
    layer, params = drawn(images)
    takes, makes = params["gates"]["takes"], params["gates"]["makes"]
    units = images.mean((1, 2)) @ takes["kernel"][0, 0] + takes["bias"]
    logits = np.maximum(units, 0) @ makes["kernel"][0, 0] + makes["bias"]
    gates = 1 / (1 + np.exp(-logits))
    found = layer.apply({"params": params}, images)
    np.testing.assert_allclose(found, images * gates[:, None, None], atol=1e-5)


def test_gates_begin_as_a_half(images):
    layer = squeeze_excitation.Mixing()
    params = layer.init(jax.random.key(0), images)
    found = layer.apply(params, np.float32(images))
    np.testing.assert_allclose(found, images / 2, atol=1e-6)


def test_channels_in_another_order_have_their_gates(images):
    images = np.float32(images)
    layer, params = drawn(images)
    order = (2, 0, 3, 1)
    new = squeeze_excitation.with_channels(params, order)
    before = layer.apply({"params": params}, images)
    after = layer.apply({"params": new}, images[..., order])
    np.testing.assert_allclose(after, before[..., order], atol=1e-5)
