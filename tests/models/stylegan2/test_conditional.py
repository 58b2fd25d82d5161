"""Labels in both networks against NumPy."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.methods.gan import weights
from gandl_jax.models.stylegan2 import npz_weights, stylegan2

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


CONDITIONAL = {  # what the labels add or change, by stylegan2-ada-pytorch's names
    "G_ema/mapping.embed.weight": (5, 3),
    "G_ema/mapping.fc0.weight": (5, 10),
    "G_ema/mapping.fc1.weight": (5, 5),
    "D/mapping.embed.weight": (6, 3),
    "D/mapping.fc0.weight": (6, 6),
    "D/mapping.fc1.weight": (6, 6),
    "D/mapping.fc2.weight": (6, 6),
    "D/b4.out.weight": (6, 6),
}


@pytest.fixture(scope="module")
def in_file():
    """The arrays of a conditional pair as a file has them, [out, in]."""
    sizes = npz_weights.Architecture(8, 2, 64, 6, 5, 2, 3, 3)
    rng, shapes = np.random.default_rng(0), {}
    for prefix, named in (
        ("G_ema", npz_weights.generator_shapes(sizes)),
        ("D", npz_weights.discriminator_shapes(sizes)),
    ):
        shapes |= {f"{prefix}/{name}": shape for name, shape in named.items()}
    assert shapes == shapes | CONDITIONAL
    for name, shape in CONDITIONAL.items():
        assert shapes[name.replace("weight", "bias")] == shape[:1]
    return {n: rng.normal(size=shape).astype("f4") for n, shape in shapes.items()}


def affine(arrays, layer, x, multiplier=1.0):
    weight, bias = (
        np.float64(arrays[f"{layer}.{kind}"]) for kind in ("weight", "bias")
    )
    return x @ weight.T * multiplier / np.sqrt(weight.shape[1]) + multiplier * bias


def in_numpy(arrays, prefix, parts, layers):
    """A mapping network's result in float64, of arrays as the file has them."""
    x = np.concatenate([unit(np.float64(part)) for part in parts], -1)
    for i in range(layers):
        x = affine(arrays, f"{prefix}/mapping.fc{i}", x, 0.01)
        x = np.maximum(x, 0.2 * x) * np.sqrt(2)
    return x


def test_a_conditional_file_draws_and_judges_as_numpy_does(in_file):
    content = io.BytesIO()
    np.savez(content, **in_file)
    content.seek(0)
    networks, sizes = weights.read(content, "f.npz")
    assert (sizes.classes, sizes.mapping_layers, sizes.label_layers) == (3, 2, 3)
    one_hot = np.eye(3)[LABELS]
    z = np.random.default_rng(1).normal(size=(4, 5)).astype("f4")
    embedded_label = affine(in_file, "G_ema/mapping.embed", one_hot)
    w = in_numpy(in_file, "G_ema", [z, embedded_label], 2)
    mapping = stylegan2.Mapping(2, 5, 3)
    ours = mapping.apply({"params": networks.g["mapping"]}, z, LABELS)
    np.testing.assert_allclose(ours, w, rtol=1e-4, atol=1e-6)

    module = stylegan2.Discriminator(
        size=8, base=64, widest=6, group=2, classes=3, mapping_layers=3
    )
    images = np.random.default_rng(2).normal(size=(4, 8, 8, 2)).astype("f4")

    def both(params):
        maps = module.apply({"params": params}, images, method="features")
        logits = module.apply({"params": params}, images, LABELS, method="apart")
        return maps["first_dense"], logits

    dense, logits = jax.jit(both)(networks.d)
    embedded_label = affine(in_file, "D/mapping.embed", one_hot)
    wanted = in_numpy(in_file, "D", [embedded_label], 3)
    last = affine(in_file, "D/b4.out", np.float64(dense))
    np.testing.assert_allclose(logits, (last * wanted).sum(-1) / np.sqrt(6), rtol=1e-4)
