"""Keeps images whose grey levels are about as disordered as those of real ones.

Witmer and Bhanu (2021, Sensors 22:206): an image passes if the Shannon entropy of its
grey levels lies within one standard deviation of the mean of its class's real images,
and those that are kept follow the real images' histogram of it.
"""

from collections.abc import Callable

import numpy as np

LEVELS = 256  # grey levels between -1 and 1
BINS = 10  # of the histogram, between the two ends (ours)


def measured(images: np.ndarray, features: Callable) -> np.ndarray:
    """[B, 1] entropy in bits, the mean over channels."""
    del features
    share = (np.clip(images, -1, 1) + 1) / 2
    levels = np.rint(share * (LEVELS - 1)).astype(np.int64)
    count, channels = len(images), images.shape[-1]
    rows = np.moveaxis(levels, -1, 1).reshape(count * channels, -1)
    place = rows + LEVELS * np.arange(len(rows))[:, None]
    counts = np.bincount(place.ravel(), minlength=LEVELS * len(rows))
    frequent = counts.reshape(len(rows), LEVELS) / rows.shape[1]
    bits = -(frequent * np.log2(np.where(frequent > 0, frequent, 1))).sum(1)
    return bits.reshape(count, channels).mean(1, keepdims=True)


def passing(real: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Those within one standard deviation of the real images' mean."""
    low, high = _ends(real)
    inside = (drawn[:, 0] >= low) & (drawn[:, 0] <= high)
    return np.flatnonzero(inside)


def chosen(real: np.ndarray, drawn: np.ndarray, wanted: int) -> np.ndarray:
    """The first of each bin, as many as its share of the real images says.

    Where a bin has too few, all others give more, by their shares.
    """
    edges = np.linspace(*_ends(real), BINS + 1)[1:-1]
    bins = np.searchsorted(edges, drawn[:, 0], side="right")
    within = real[passing(real, real), 0]
    counts = np.bincount(np.searchsorted(edges, within, side="right"), minlength=BINS)
    # The j-th of a bin of share s is due once (j + 1/2) / s have been kept.
    rank = np.empty(len(drawn))
    for number in range(BINS):
        own = np.flatnonzero(bins == number)
        rank[own] = np.arange(len(own)) + 0.5
    due = rank / np.maximum(counts[bins], 1e-9)
    return np.sort(np.argsort(due, kind="stable")[:wanted])


def _ends(real: np.ndarray) -> tuple[float, float]:
    mean, deviation = real[:, 0].mean(), real[:, 0].std()
    return float(mean - deviation), float(mean + deviation)
