"""Pools maps of a network over space."""

import functools

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

PROJECTED = 32  # channels that covariances are of, at most: 528 numbers (ours)
SEED = 0  # of the projection of wider maps


def means_and_deviations(maps: Array) -> Array:
    """Pools [B, H, W, D] to means and standard deviations of the channels, [B, 2 D]."""
    return jnp.concatenate([maps.mean((1, 2)), maps.std((1, 2))], -1)


def covariances(maps: Array) -> Array:
    """Pools [B, H, W, D] to covariances of the channels over space.

    Maps of more than `PROJECTED` channels are projected to that number by a fixed
    random matrix with orthonormal columns.

    Returns:
      [B, K (K + 1) / 2] float32, the upper triangle row by row; K = min(D, PROJECTED).
    """
    einsum = functools.partial(jnp.einsum, precision=lax.Precision.HIGHEST)
    projected = einsum("bhwd,dk->bhwk", maps, projection(maps.shape[-1]))
    centred = projected - projected.mean((1, 2), keepdims=True)
    pixels = maps.shape[1] * maps.shape[2]
    products = einsum("bhwi,bhwj->bij", centred, centred) / pixels
    rows, columns = np.triu_indices(projected.shape[-1])
    return products[:, rows, columns]


@functools.cache
def projection(channels: int) -> np.ndarray:
    """Returns [D, K] float32 with orthonormal columns; the identity if D is K."""
    if channels <= PROJECTED:
        return np.eye(channels, dtype=np.float32)
    normal = np.random.default_rng(SEED).normal(size=(channels, PROJECTED))
    return np.linalg.qr(normal)[0].astype(np.float32)
