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
    """Computes the entropy [B, 1] in bits, the mean over channels."""
    del features
    scaled = (np.clip(images, -1, 1) + 1) / 2
    levels = np.rint(scaled * (LEVELS - 1)).astype(np.int64)
    count, channels = len(images), images.shape[-1]
    rows = np.moveaxis(levels, -1, 1).reshape(count * channels, -1)
    bins = rows + LEVELS * np.arange(len(rows))[:, None]
    counts = np.bincount(bins.ravel(), minlength=LEVELS * len(rows))
    frequencies = counts.reshape(len(rows), LEVELS) / rows.shape[1]
    bits = -(frequencies * np.log2(np.where(frequencies > 0, frequencies, 1))).sum(1)
    return bits.reshape(count, channels).mean(1, keepdims=True)


def passing(real: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Returns the images within one standard deviation of the real images' mean."""
    low, high = _ends(real)
    inside = (drawn[:, 0] >= low) & (drawn[:, 0] <= high)
    return np.flatnonzero(inside)


def chosen(real: np.ndarray, drawn: np.ndarray, wanted: int) -> np.ndarray:
    """Chooses the first of each bin, by its share of the real images.

    If a bin has too few, all others give more, by their shares.
    """
    edges = np.linspace(*_ends(real), BINS + 1)[1:-1]
    bins = np.searchsorted(edges, drawn[:, 0], side="right")
    within = real[passing(real, real), 0]
    counts = np.bincount(np.searchsorted(edges, within, side="right"), minlength=BINS)
    # The j-th of a bin of share s is due once (j + 1/2) / s have been kept.
    rank = np.empty(len(drawn))
    for number in range(BINS):
        in_bin = np.flatnonzero(bins == number)
        rank[in_bin] = np.arange(len(in_bin)) + 0.5
    due = rank / np.maximum(counts[bins], 1e-9)
    return np.sort(np.argsort(due, kind="stable")[:wanted])


def _ends(real: np.ndarray) -> tuple[float, float]:
    mean, deviation = real[:, 0].mean(), real[:, 0].std()
    return float(mean - deviation), float(mean + deviation)
