"""What holds for any StyleGAN2, whatever its numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.models.stylegan2 import layers, stylegan2


def test_minibatch_deviation_is_numpys_within_contiguous_groups():
    x = np.random.default_rng(0).normal(size=(6, 4, 4, 5)).astype(np.float32)
    actual = np.asarray(layers.minibatch_deviation(jnp.asarray(x), 3))
    for group in (0, 1):
        samples = x[3 * group : 3 * group + 3]
        expected = samples.std(0).mean()
        np.testing.assert_allclose(
            actual[3 * group : 3 * group + 3], expected, rtol=1e-5
        )


def test_features_of_an_image_do_not_depend_on_its_neighbours():
    module = stylegan2.Discriminator(size=8, base=64, widest=8, group=4)
    x = jax.random.normal(jax.random.key(0), (8, 8, 8, 2))
    variables = module.init(jax.random.key(1), x)
    features = jax.jit(lambda x: module.apply(variables, x, method="features"))
    together, alone = features(x), features(x[3:4])
    for name in together:
        np.testing.assert_allclose(
            together[name][3], alone[name][0], rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("remat", [False, True])
def test_blocks_give_their_convolutions_before_the_nonlinearity(remat):
    """Without its skip a block is the nonlinearity of what it gives, over root 2."""
    module = stylegan2.Discriminator(size=16, base=64, widest=8, group=2, remat=remat)
    x = jax.random.normal(jax.random.key(0), (2, 16, 16, 3))
    params = module.init(jax.random.key(1), x)["params"]
    params["blocks_b8"]["skip"] = jax.tree.map(
        jnp.zeros_like, params["blocks_b8"]["skip"]
    )
    params["blocks_b8"]["conv1"]["bias"] += jnp.linspace(-1, 1, 8)

    def asked(params):
        return module.apply(
            {"params": params}, x, method="features", mutable=["intermediates"]
        )

    maps, kept = jax.jit(asked)(params)
    assert set(kept["intermediates"]) == {"blocks_b16", "blocks_b8"}
    (linear,) = kept["intermediates"]["blocks_b8"]["linear"]
    linear = np.asarray(linear)
    assert (linear < 0).any() and (linear > 0).any()
    expected = np.where(linear < 0, 0.2 * linear, linear)
    np.testing.assert_allclose(maps["b8"], expected, rtol=1e-5, atol=1e-6)


def test_noise_of_a_sample_depends_on_its_key_alone():
    keys = jax.random.split(jax.random.key(0), 4)
    whole = stylegan2.draw_noise(keys, 16)
    part = stylegan2.draw_noise(keys[2:], 16)
    assert [x.shape[1] for x in whole] == [4, 8, 8, 16, 16]
    for a, b in zip(whole, part, strict=True):
        np.testing.assert_array_equal(a[2:], b)


def test_demodulated_convolution_keeps_unit_variance_for_any_style():
    layer = layers.StyledConv(64)
    x = jax.random.normal(jax.random.key(0), (4, 16, 16, 64))
    w = 10 * jax.random.normal(jax.random.key(1), (4, 8))
    variables = layer.init(jax.random.key(2), x, w, None)
    y = np.asarray(layer.apply(variables, x, w, None))
    # Leaky ReLU with gain sqrt(2) keeps the second moment: E = (1 + 0.04) / 2 * 2.
    assert abs((y**2).mean() / 1.04 - 1) < 0.15
