"""Spectral normalisation beside NumPy's singular values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.models import spectral_norm

SHAPES = {"first": (4, 4, 3, 5), "second": (3, 3, 5, 4)}


@pytest.fixture(scope="module")
def params():
    """Two layers whose singular values are far apart: 3, 1, 0.3, ..."""
    rng, made = np.random.default_rng(0), {}
    for name, shape in SHAPES.items():
        v, _, u = np.linalg.svd(
            rng.normal(size=(np.prod(shape[:-1]), shape[-1])), full_matrices=False
        )
        kernel = (v * 3.0 ** -np.arange(-1, shape[-1] - 1)) @ u
        bias = rng.normal(size=shape[-1:])
        layer = {"kernel": kernel.reshape(shape), "bias": bias}
        made[name] = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), layer)
    return {"b8": made, "logit": {"kernel": jnp.full((1, 1, 4, 1), -2.0)}}


def svd(kernel):
    """(v, s, u) of the first singular value, in float64."""
    v, s, u = np.linalg.svd(np.float64(kernel).reshape(-1, kernel.shape[-1]))
    return v[:, 0], s[0], u[0]


def test_kernels_are_divided_by_numpys_largest_singular_value(params):
    vectors = spectral_norm.start(params, jax.random.key(0))
    found = spectral_norm.normalised(params, vectors)
    assert jax.tree.structure(found) == jax.tree.structure(params)
    for name, layer in params["b8"].items():
        expected = np.float64(layer["kernel"]) / svd(layer["kernel"])[1]
        np.testing.assert_allclose(
            found["b8"][name]["kernel"], expected, rtol=1e-4, atol=1e-6
        )
        np.testing.assert_array_equal(found["b8"][name]["bias"], layer["bias"])
        u, expected = vectors["b8"][name], svd(layer["kernel"])[2]
        assert abs(u @ expected) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(found["logit"]["kernel"], np.full((1, 1, 4, 1), -0.5))


def test_one_turn_is_one_power_iteration(params):
    start = np.float64([1.0, 2.0, 0.0, -1.0, 0.5])
    matrix = np.float64(params["b8"]["first"]["kernel"]).reshape(-1, 5)
    layers = {"first": params["b8"]["first"]}
    found = spectral_norm.turned(layers, {"first": jnp.asarray(start, jnp.float32)})
    expected = matrix.T @ matrix @ start
    np.testing.assert_allclose(
        found["first"], expected / np.linalg.norm(expected), rtol=1e-4
    )


def test_the_slope_counts_the_singular_value_too(params):
    """Of sum(G W / s) it is G / s - sum(G W) / s^2 v u^T, by the perturbation of s."""
    layers = {"first": params["b8"]["first"]}
    kernel = layers["first"]["kernel"]
    weights = np.random.default_rng(1).normal(size=kernel.shape).astype(np.float32)
    vectors = spectral_norm.start(layers, jax.random.key(0))

    def total(kernel):
        found = spectral_norm.normalised({"first": {"kernel": kernel}}, vectors)
        return (found["first"]["kernel"] * weights).sum()

    v, s, u = svd(kernel)
    along = np.outer(v, u).reshape(kernel.shape)
    expected = weights / s - (np.float64(weights) * kernel).sum() / s**2 * along
    np.testing.assert_allclose(jax.grad(total)(kernel), expected, rtol=1e-3, atol=1e-4)
