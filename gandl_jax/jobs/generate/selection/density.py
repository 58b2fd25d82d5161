"""Keeps images whose features lie among those of real ones.

Naeem et al. (2020, arXiv 2002.09797): the density of real images at a generated one is
the number of balls that hold it, each about a real image's features, with the distance
to its k-th nearest neighbour as radius. An image in no ball is unlike all real ones.
"""

from collections.abc import Callable

import numpy as np

NEAREST = 5  # k (their sec. 5)
MOST_REAL = 4_000  # of a class, evenly spread; more change little (ours)
BLOCK = 2_000  # images that are compared at a time


def measured(images: np.ndarray, features: Callable) -> np.ndarray:
    """Returns features [B, D] of an encoder."""
    return np.asarray(features(images), np.float64)


def passing(real: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Returns the images that lie in a ball at least."""
    return np.flatnonzero(density(real, drawn) > 0)


def chosen(real: np.ndarray, drawn: np.ndarray, wanted: int) -> np.ndarray:
    """Chooses the first images: the densest would be the most alike."""
    del real, drawn
    return np.arange(wanted)


def density(real: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Computes the density [N] at each image drawn, divided by k.

    Args:
      real: [R, D] features, of two images or more.
      drawn: [N, D].
    """
    rows = np.linspace(0, len(real) - 1, min(len(real), MOST_REAL)).round()
    kept = real[rows.astype(int)]
    k = min(NEAREST, len(kept) - 1)
    radius = np.concatenate(
        [np.partition(part, k, 1)[:, k] for part in _squares(kept, kept)]
    )
    counts = [(part <= radius[None]).sum(1) for part in _squares(drawn, kept)]
    return np.concatenate(counts) / k if counts else np.zeros(0)


def _squares(one: np.ndarray, other: np.ndarray):
    """Yields squared distances [b, R] of a block of rows after the other."""
    length = (other**2).sum(1)[None]
    for start in range(0, len(one), BLOCK):
        rows = one[start : start + BLOCK]
        squares = (rows**2).sum(1)[:, None] + length - 2 * rows @ other.T
        yield np.maximum(squares, 0)
