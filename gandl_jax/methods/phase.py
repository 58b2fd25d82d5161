"""Phases of a training step, each run every `every` steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax


class Phase(NamedTuple):
    """A phase of a training step.

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
    """Returns one key per sample, whatever device it is on.

    Args:
      key: of the step and phase.
      index: [B] int32 position in the global batch.

    Returns:
      [B] keys.
    """
    return jax.vmap(jax.random.fold_in, (None, 0))(key, index)


def substream(keys: Array, number: int) -> Array:
    """Returns keys [B] of an independent stream; each use has its number."""
    return jax.vmap(jax.random.fold_in, (0, None))(keys, number)


def mean_over_parts(
    fn: Callable[[dict], Any], batch: dict, parts: int, *, unroll: bool = False
) -> Any:
    """Averages `fn` over a batch's equal micro-batches, one after the other.

    If `fn` returns means over samples, the result is `fn(batch)` to rounding, in the
    memory that a micro-batch takes.

    Args:
      fn: batch to a tree of float arrays; it does not reduce over devices.
      batch: tree of [B, ...].
      parts: number of contiguous micro-batches; 1 is `fn(batch)` itself.
      unroll: whether to unroll the loop, of which compilers count one turn only.
    """
    if parts == 1:
        return fn(batch)
    micro_batches = jax.tree.map(
        lambda array: array.reshape(parts, -1, *array.shape[1:]), batch
    )
    shapes = jax.eval_shape(fn, jax.tree.map(lambda array: array[0], micro_batches))
    zeros = jax.tree.map(lambda array: jnp.zeros(array.shape, array.dtype), shapes)

    def add(total, micro_batch):
        return jax.tree.map(jnp.add, total, fn(micro_batch)), None

    total, _ = lax.scan(add, zeros, micro_batches, unroll=unroll)
    return jax.tree.map(lambda array: array / parts, total)
