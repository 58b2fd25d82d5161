"""Fences change no value, and stand where they say."""

import jax
import jax.numpy as jnp
import pytest

from gandl_jax.models.stylegan2 import fences

X = jnp.array([0.5, -2.0, 3.0])


@pytest.mark.parametrize(
    "fence, in_value, in_gradient",
    [(fences.after, 1, 0), (fences.before_gradient, 0, 1)],
)
def test_one_fence_and_the_same_numbers(fence, in_value, in_gradient):
    def cubes(x):
        return fence(x**3).sum()

    assert cubes(X) == (X**3).sum()
    assert (jax.grad(cubes)(X) == 3 * X**2).all()
    curvature = jax.grad(lambda x: jax.grad(cubes)(x).sum())(X)
    assert jnp.allclose(curvature, 6 * X)
    value, gradient = (jax.jit(fn).lower(X) for fn in (cubes, jax.grad(cubes)))
    assert value.as_text().count("optimization_barrier") == in_value
    assert gradient.as_text().count("optimization_barrier") == in_gradient
