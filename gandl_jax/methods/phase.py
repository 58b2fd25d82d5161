"""A training step is a few phases, each run every `every` steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax


class Phase(NamedTuple):
    """One part of a training step.

    Attributes:
      name: "d_main".
      every: steps between two runs.
      fn: fn(state, batch, key) -> (state, metrics): pure, for one device, reduced
        with `lax.pmean` over "batch".
    """

    name: str
    every: int
    fn: Callable


def sample_keys(key: Array, index: Array) -> Array:
    """One key per sample, whatever device it is on.

    Args:
      key: of the step and phase.
      index: [B] int32 position in the global batch.

    Returns:
      [B] keys.
    """
    return jax.vmap(jax.random.fold_in, (None, 0))(key, index)


def substream(keys: Array, number: int) -> Array:
    """[B] keys of an independent stream, one number for each use."""
    return jax.vmap(jax.random.fold_in, (0, None))(keys, number)


def mean_over_parts(
    fn: Callable[[dict], Any], batch: dict, parts: int, *, unroll: bool = False
) -> Any:
    """The mean of what `fn` says of a batch's equal parts, one after the other.

    Where `fn` gives means over samples, it is `fn(batch)` to rounding, in the memory
    that a part takes.

    Args:
      fn: batch to a tree of float arrays; reduces over no devices.
      batch: tree of [B, ...].
      parts: contiguous ones, of B / parts samples each; 1 is `fn(batch)` itself.
      unroll: write the parts out one after the other: compilers count a loop once.
    """
    if parts == 1:
        return fn(batch)
    apart = jax.tree.map(lambda x: x.reshape(parts, -1, *x.shape[1:]), batch)
    shapes = jax.eval_shape(fn, jax.tree.map(lambda x: x[0], apart))
    nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

    def add(total, part):
        return jax.tree.map(jnp.add, total, fn(part)), None

    total, _ = lax.scan(add, nothing, apart, unroll=unroll)
    return jax.tree.map(lambda x: x / parts, total)
