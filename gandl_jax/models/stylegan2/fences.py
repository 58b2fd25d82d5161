"""Fences, across which a compiler fuses nothing: the values stay as they are.

A TPU's compiler fuses a filter into the convolution that takes its result, and then
filters again for each of the nine taps.
"""

import jax
from jax import Array, lax


@jax.custom_vjp
def after(x: Array) -> Array:
    """A fence where no gradient is taken: for one, what is here is kept anyway."""
    return lax.optimization_barrier(x)


@jax.custom_vjp
def before_gradient(x: Array) -> Array:
    """A fence that the gradient meets on its way back."""
    return x


after.defvjp(lambda x: (x, None), lambda _, slope: (slope,))
before_gradient.defvjp(
    lambda x: (x, None), lambda _, slope: (lax.optimization_barrier(slope),)
)
