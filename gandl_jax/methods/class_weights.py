"""Weights of a record of each class in a loss."""

from collections.abc import Sequence

import numpy as np


def balanced(counts: Sequence[int]) -> np.ndarray:
    """Returns weights with which all classes count the same: N / (K n), [K] float32.

    Their mean over the N records is 1 (King and Zeng 2001; scikit-learn's "balanced").

    Args:
      counts: n, training records of each of K classes; () if they are not known, as
        for a checkpoint that only embeds.
    """
    counts = np.asarray(counts, np.float64)
    return (counts.sum() / (len(counts) * counts)).astype(np.float32)


def equal(counts: Sequence[int]) -> np.ndarray:
    """Returns weights of 1, [K] float32."""
    return np.ones(len(counts), np.float32)
