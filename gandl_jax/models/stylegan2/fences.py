"""Fences, across which a compiler fuses nothing; values are unchanged.

A TPU's compiler would fuse a filter into the convolution that takes its result, and
then filter again for each of the nine taps.
"""

import jax
from jax import Array, lax


@jax.custom_vjp
def after(x: Array) -> Array:
    """Makes a fence for passes without a gradient; others keep x in any case."""
    return lax.optimization_barrier(x)


@jax.custom_vjp
def before_gradient(x: Array) -> Array:
    """Makes a fence for the gradient in the backward pass."""
    return x


after.defvjp(lambda x: (x, None), lambda _, slope: (slope,))
before_gradient.defvjp(
    lambda x: (x, None), lambda _, slope: (lax.optimization_barrier(slope),)
)
