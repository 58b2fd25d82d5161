"""A site as a bag of tiles: cutting, pooling and the loss of a bag.

Multiple-instance learning: the label is that of the bag, and some of its instances
suffice for it (Saberian et al. 2022).
"""

from collections.abc import Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax


def tiles(images: Array, tile_px: int) -> Array:
    """Cuts images into tiles that overlap their neighbours by half.

    Args:
      images: [B, N, N, C]; N is a multiple of half a tile.
      tile_px: side of a tile, t, even.

    Returns:
      [B, T, t, t, C] with T = (2 N / t - 1)^2, row by row.
    """
    step, per_side = tile_px // 2, side_count(images.shape[1], tile_px)
    starts = [step * number for number in range(per_side)]
    return jnp.stack(
        [images[:, y : y + tile_px, x : x + tile_px] for y in starts for x in starts], 1
    )


def side_count(side: int, tile_px: int) -> int:
    """Counts the tiles with half overlap along a side."""
    return 2 * side // tile_px - 1


def top(logits: Array, count: int) -> Array:
    """Returns the highest logits of each bag, [B, count] of [B, T], falling."""
    return lax.top_k(logits, count)[0]


def targets(
    labels: Mapping[str, Array],
    classes: Mapping[str, Sequence[str]],
    infected: Iterable[str],
    healthy: Iterable[str],
) -> Array:
    """Returns the targets of bags: 1 infected, 0 healthy, -1 neither or unknown.

    Args:
      labels: {column: [B] int32 class, -1 if blank}.
      classes: {column: names of its classes}.
      infected: values of any of the columns.
      healthy: values of any of the columns; a bag with values of both is infected.

    Returns:
      [B] int32.
    """
    is_infected, is_healthy = (
        sum(_has(codes, classes[column], values) for column, codes in labels.items())
        for values in (tuple(infected), tuple(healthy))
    )
    return jnp.where(is_infected > 0, 1, jnp.where(is_healthy > 0, 0, -1))


def _has(codes: Array, names: Sequence[str], values: Sequence[str]) -> Array:
    """Marks samples whose class is one of `values`, [B] int32 of 1 and 0."""
    wanted = jnp.array([name in values for name in names] + [False], jnp.int32)
    return wanted[codes]  # -1, a blank, is the last


def cross_entropy(logits: Array, target: Array, weights: Array) -> Array:
    """Computes the binary cross-entropy of bags; 0 if the target is unknown.

    Args:
      logits: [B] float32.
      target: [B] int32, as in `targets`.
      weights: [2] float32, of a healthy and an infected bag.

    Returns:
      [B] float32.
    """
    wrong = jax.nn.softplus(jnp.where(target == 1, -logits, logits))
    return jnp.where(target < 0, 0.0, weights[target] * wrong)
