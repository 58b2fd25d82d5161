"""A training step is a few phases, each run every so many steps."""

from collections.abc import Callable
from typing import NamedTuple

import jax
from jax import Array


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
