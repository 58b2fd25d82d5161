"""Functions of layers with fixed weights of channels: sums, shares, other channels.

Weights are [C, O], not negative, with a column for each of O outputs.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array

LEAST = 1e-12  # lowest weight whose logarithm is taken
COLOURS = 3  # input channels of the network: O outputs, or one, repeated


def colours(images: Array, weights: Array) -> Array:
    """Sums the channels by their weights, to the three colours of a network.

    Args:
      images: [B, H, W, C] float.
      weights: [C, O]; O is 1 or 3.

    Returns:
      [B, H, W, 3]; one output is repeated.
    """
    sums = images @ weights
    return sums.repeat(COLOURS // weights.shape[-1], -1)


def shares(weights: Array) -> np.ndarray:
    """Averages each channel's share of an output over outputs, [C] of sum 1."""
    weights = np.asarray(weights, np.float64)
    return (weights / weights.sum(0)).mean(-1)


def with_channels(
    weights: Array, sources: Sequence[int | None], *, is_sum_kept: bool = False
) -> np.ndarray:
    """Returns weights [C', O] of other channels.

    Args:
      weights: [C, O].
      sources: the old channel for each new one; None for the mean of all.
      is_sum_kept: whether each output's weights are scaled to their former sum.
    """
    weights = np.asarray(weights, np.float64)
    means = weights.mean(0)
    new_weights = np.stack(
        [means if source is None else weights[source] for source in sources]
    )
    return new_weights * (weights.sum(0) / new_weights.sum(0) if is_sum_kept else 1.0)


def full(values: Sequence[float], outputs: int) -> Array:
    """Returns [C, O] float32: a value for each channel, the same in all outputs."""
    column = jnp.asarray(values, jnp.float32)[:, None]
    return jnp.broadcast_to(column, (len(column), outputs))
