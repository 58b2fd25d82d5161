"""Scaling of vectors to length 1."""

import jax
import jax.numpy as jnp
from jax import Array

LEAST = 1e-12  # lowest squared length: a root has no slope at 0


def unit(x: Array, axis: int = -1) -> Array:
    """Scales vectors along an axis to length 1; 0 stays 0."""
    squared = jnp.square(x).sum(axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squared, LEAST))
