"""Labels in both networks against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.models import stylegan2

LABELS = np.array([2, 0, 2, 1], np.int32)


def shaken(params, seed=0):
    """The parameters with none left at a special value, as a bias of zero is."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda x: x + rng.normal(0, 0.3, x.shape).astype(x.dtype), params
    )


def unit(x):
    return x / np.sqrt(np.square(x).mean(-1, keepdims=True) + 1e-8)


def mapped(params, parts, layers):
    """The mapping network in float64, by the papers' formulas."""
    x = np.concatenate([unit(np.asarray(part, np.float64)) for part in parts], -1)
    for i in range(layers):
        weight, bias = (np.float64(params[f"dense{i}"][k]) for k in ("weight", "bias"))
        x = x @ weight * 0.01 / np.sqrt(len(weight)) + 0.01 * bias
        x = np.where(x > 0, x, 0.2 * x) * np.sqrt(2)
    return x


def embedded(params, labels):
    """A one-hot vector through a dense layer: a row of its weight."""
    weight, bias = (np.float64(params["embed"][k]) for k in ("weight", "bias"))
    return weight[labels] / np.sqrt(len(weight)) + bias


def test_a_label_is_embedded_normalised_and_set_beside_the_latent():
    module = stylegan2.Mapping(layers=2, dim=5, classes=3)
    z = jax.random.normal(jax.random.key(0), (4, 5))
    params = shaken(module.init(jax.random.key(1), z, LABELS)["params"])
    assert params["dense0"]["weight"].shape == (10, 5)
    expected = mapped(params, [z, embedded(params, LABELS)], 2)
    actual = module.apply({"params": params}, z, LABELS)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def conditional():
    module = stylegan2.Discriminator(
        size=8, base=64, widest=6, group=2, classes=3, mapping_layers=2
    )
    images = jax.random.normal(jax.random.key(0), (4, 8, 8, 2))
    params = jax.jit(module.init)(jax.random.key(1), images, LABELS)["params"]
    return module, shaken(params), images


def test_a_conditional_logit_is_the_product_with_the_labels_vector(conditional):
    module, params, images = conditional

    def both(params):
        maps = module.apply({"params": params}, images, method="features")
        logits = module.apply({"params": params}, images, LABELS, method="apart")
        return maps["first_dense"], logits

    dense, actual = jax.jit(both)(params)
    weight, bias = (np.float64(params["logit"][k]) for k in ("weight", "bias"))
    assert weight.shape == (6, 6)
    ours = np.float64(dense) @ weight / np.sqrt(6) + bias
    wanted = mapped(params["mapping"], [embedded(params["mapping"], LABELS)], 2)
    np.testing.assert_allclose(actual, (ours * wanted).sum(-1) / np.sqrt(6), rtol=1e-4)


def test_without_labels_there_are_the_same_parameters_as_before():
    images = jnp.zeros((2, 8, 8, 2))
    module = stylegan2.Discriminator(size=8, base=64, widest=6, group=2)
    params = jax.eval_shape(module.init, jax.random.key(0), images)["params"]
    assert set(params) == {
        "from_image",
        "blocks_b8",
        "last_conv",
        "first_dense",
        "logit",
    }
    assert params["logit"]["weight"].shape == (6, 1)
