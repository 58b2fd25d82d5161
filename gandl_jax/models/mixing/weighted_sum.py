"""What layers share that give each channel fixed weights: sums, shares, other channels.

Weights are [C, O] and not negative: a column for each of O outputs.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array

LEAST = 1e-12  # weight whose logarithm is taken: 0 has none
COLOURS = 3  # that the network sees: O outputs, or one, three times


def colours(images: Array, weights: Array) -> Array:
    """The weighted sums of the channels, as the three colours of a network.

    Args:
      images: [B, H, W, C] float.
      weights: [C, O]; O is 1 or 3.

    Returns:
      [B, H, W, 3]; one output is repeated.
    """
    sums = images @ weights
    return sums.repeat(COLOURS // weights.shape[-1], -1)


def shares(weights: Array) -> np.ndarray:
    """[C] of sum 1: the mean over outputs of each channel's share of an output."""
    weights = np.asarray(weights, np.float64)
    return (weights / weights.sum(0)).mean(-1)


def of_other_channels(
    weights: Array, sources: Sequence[int | None], *, is_sum_kept: bool = False
) -> np.ndarray:
    """Weights [C', O] of other channels.

    Args:
      weights: [C, O].
      sources: for each new channel one of the old ones; None is their mean.
      is_sum_kept: whether each output's weights are scaled to their former sum.
    """
    weights = np.asarray(weights, np.float64)
    means = weights.mean(0)
    taken = np.stack([means if s is None else weights[s] for s in sources])
    return taken * (weights.sum(0) / taken.sum(0) if is_sum_kept else 1.0)


def full(values: Sequence[float], outputs: int) -> Array:
    """[C, O] float32: a value for each channel, the same in all outputs."""
    column = jnp.asarray(values, jnp.float32)[:, None]
    return jnp.broadcast_to(column, (len(column), outputs))
