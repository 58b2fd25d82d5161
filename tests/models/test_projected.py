"""Random projections and their discriminators beside NumPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.models import projected

SIDES, WIDTHS = (8, 4, 2), (3, 5, 7)


@pytest.fixture(scope="module")
def maps():
    rng = np.random.default_rng(0)
    return {
        f"b{side}": rng.normal(size=(2, side, side, width)).astype(np.float32)
        for side, width in zip(SIDES, WIDTHS, strict=True)
    }


def doubled(x):
    """Between two pixels a quarter and three quarters of the way; edges repeated."""
    for axis in (1, 2):
        x = np.moveaxis(x, axis, 0)
        before, after = np.concatenate([x[:1], x[:-1]]), np.concatenate([x[1:], x[-1:]])
        pairs = np.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], 1)
        x = np.moveaxis(pairs.reshape(-1, *x.shape[1:]), 0, axis)
    return x


def convolved(x, kernel, stride=1):
    """[B, S, S, D], an edge of zeros around, by a kernel of 3 x 3 or 4 x 4."""
    size, side = kernel.shape[0], x.shape[1] // stride
    x = np.pad(np.float64(x), ((0, 0), (1, 1), (1, 1), (0, 0)))
    out = np.zeros((len(x), side, side, kernel.shape[3]))
    for i in range(side):
        for j in range(side):
            rows, columns = stride * i, stride * j
            patch = x[:, rows : rows + size, columns : columns + size]
            out[:, i, j] = np.tensordot(patch, np.float64(kernel), 3)
    return out


def test_the_projection_is_numpys_deepest_first(maps):
    net = projected.Projection(width=4, widest=8)
    found, variables = net.init_with_output(jax.random.key(0), maps)
    kernels = {
        name: np.float64(layer["kernel"]) for name, layer in variables["params"].items()
    }
    assert {*kernels} == {
        *("b8_channels", "b4_channels", "b2_channels"),
        *("b8_scales", "b4_scales"),
    }
    expected = {"b2": maps["b2"] @ kernels["b2_channels"][0, 0]}
    for name, deeper in (("b4", "b2"), ("b8", "b4")):
        across = convolved(doubled(expected[deeper]), kernels[f"{name}_scales"])
        expected[name] = maps[name] @ kernels[f"{name}_channels"][0, 0] + across
    assert list(found) == list(maps)
    assert [x.shape[-1] for x in found.values()] == [4, 8, 8]
    for name, x in found.items():
        np.testing.assert_allclose(x, expected[name], rtol=1e-4, atol=1e-4)


def test_its_kernels_have_kaimings_deviation():
    maps = {"b4": jnp.zeros((1, 4, 4, 64)), "b2": jnp.zeros((1, 2, 2, 64))}
    net = projected.Projection(width=64, widest=64)
    params = net.init(jax.random.key(0), maps)["params"]
    for name, inputs in (("b4_channels", 64), ("b4_scales", 9 * 64)):
        kernel = np.asarray(params[name]["kernel"])
        assert kernel.std() == pytest.approx((2 / inputs) ** 0.5, rel=0.05)


def test_discriminators_are_numpys_and_answer_at_one_side(maps):
    net = projected.Discriminators(widest=8)
    (features, logits), variables = net.init_with_output(jax.random.key(0), maps)
    params = jax.tree.map(np.float64, variables["params"])
    assert {name: len(layers) - 1 for name, layers in params.items()} == {
        "b8": 3,
        "b4": 2,
        "b2": 1,
    }
    for name, x in maps.items():
        while x.shape[1] > 1:
            layer = params[name][f"b{x.shape[1]}"]
            x = convolved(x, layer["kernel"], stride=2) + layer["bias"]
            x = np.where(x > 0, x, 0.2 * x)
        np.testing.assert_allclose(features[name], x, rtol=1e-4, atol=1e-5)
        logit = params[name]["logit"]
        expected = x @ logit["kernel"][0, 0] + logit["bias"]
        np.testing.assert_allclose(logits[name], expected[..., 0], rtol=1e-4, atol=1e-5)
        assert logits[name].shape == (2, 1, 1)
