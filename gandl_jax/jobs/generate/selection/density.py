"""Keeps images whose features lie among those of real ones.

Naeem et al. (2020, arXiv 2002.09797): the density of real images at a generated one is
how many balls hold it, each about a real image's features and as wide as to its k-th
nearest other. One that no ball holds is unlike all real images.
"""

from collections.abc import Callable

import numpy as np

NEAREST = 5  # k (their sec. 5)
MOST_REAL = 4_000  # of a class, evenly spread; more tell little more (ours)
BLOCK = 2_000  # images that are compared at a time


def measured(images: np.ndarray, features: Callable) -> np.ndarray:
    """[B, D] features of an encoder."""
    return np.asarray(features(images), np.float64)


def passing(real: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Those that a ball holds at least."""
    return np.flatnonzero(density(real, drawn) > 0)


def chosen(real: np.ndarray, drawn: np.ndarray, wanted: int) -> np.ndarray:
    """The first: the densest would be the most alike."""
    del real, drawn
    return np.arange(wanted)


def density(real: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """[N] the density at each image drawn, over k.

    Args:
      real: [R, D] features, of two images or more.
      drawn: [N, D].
    """
    places = np.linspace(0, len(real) - 1, min(len(real), MOST_REAL)).round()
    kept = real[places.astype(int)]
    k = min(NEAREST, len(kept) - 1)
    radius = np.concatenate(
        [np.partition(part, k, 1)[:, k] for part in _squares(kept, kept)]
    )
    held = [(part <= radius[None]).sum(1) for part in _squares(drawn, kept)]
    return np.concatenate(held) / k if held else np.zeros(0)


def _squares(one: np.ndarray, other: np.ndarray):
    """Squared distances [b, R] of some rows after the other."""
    length = (other**2).sum(1)[None]
    for start in range(0, len(one), BLOCK):
        rows = one[start : start + BLOCK]
        found = (rows**2).sum(1)[:, None] + length - 2 * rows @ other.T
        yield np.maximum(found, 0)
