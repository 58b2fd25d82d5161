"""Measures of the classification of two classes.

All follow from the share of right decisions on each class (and from the frequency of
the wanted class), so that the intervals of all use the same draws.
"""

import numpy as np

from gandl_jax.tasks.classification import Sample

Shares = np.ndarray  # [..., 2]: of the other class and of the wanted one, in [0, 1]


def balanced_accuracy(right: Shares, frequency: float) -> np.ndarray:
    """Returns [...] the mean over both classes of the share that is right."""
    return right.mean(-1)


def accuracy(right: Shares, frequency: float) -> np.ndarray:
    """Returns [...] the share of all records that is right."""
    return right @ np.array([1 - frequency, frequency])


def precision(right: Shares, frequency: float) -> np.ndarray:
    """Returns [...] the share of the wanted class among positives; 0 without any."""
    hits, alarms = _positives(right, frequency)
    called = hits + alarms
    return np.divide(hits, called, out=np.zeros_like(called), where=called > 0)


def recall(right: Shares, frequency: float) -> np.ndarray:
    """Returns [...] the share of the wanted class that is positive."""
    return right[..., 1]


def f1(right: Shares, frequency: float) -> np.ndarray:
    """Returns [...] the harmonic mean of precision and recall."""
    hits, alarms = _positives(right, frequency)
    return 2 * hits / (hits + alarms + frequency)


def specificity(right: Shares, frequency: float) -> np.ndarray:
    """Returns [...] the share of the other class that is not positive."""
    return right[..., 0]


def auc_draws(drawn: np.ndarray) -> np.ndarray:
    """Converts drawn shares of `placements`, so that their mean varies as the area.

    An area under the ROC curve is the share of either class, not only their mean: its
    deviation is the sum of those of both (DeLong et al. 1988).

    Args:
      drawn: [B, 2] draws of the shares of each class.

    Returns:
      [B, 2] float64, twice as far off their means.
    """
    means = drawn.mean(0)
    return means + 2 * (drawn - means)


def placements(sample: Sample, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts pairs of records of the two classes that are in the right order.

    Pairs are of one fold, as scores of two classifiers have no common scale. Ties count
    half.

    Args:
      sample: test records, of two classes.
      scores: [n] float of each test record, higher for class 1.

    Returns:
      [U, 2] pairs in the right order and [U, 2] all pairs, of each unit's records of
      each class. Either class's sums are those of all pairs.
    """
    right, pairs = np.zeros(len(scores)), np.zeros(len(scores))
    for fold in np.unique(sample.folds):
        for code in (0, 1):
            members = np.flatnonzero((sample.folds == fold) & (sample.codes == code))
            other_scores = scores[(sample.folds == fold) & (sample.codes == 1 - code)]
            above = _share_below(scores[members], np.sort(other_scores))
            right[members] = above if code else len(other_scores) - above
            pairs[members] = len(other_scores)
    items = np.arange(len(scores))
    return sample.counted(items, right), sample.counted(items, pairs)


def _share_below(values: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    """Counts [n] the ascending others below each value; ties count half."""
    sides = [np.searchsorted(ascending, values, side) for side in ("left", "right")]
    return np.mean(sides, axis=0)


def _positives(right: Shares, frequency: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns true and false positives, as shares of all records."""
    return frequency * right[..., 1], (1 - frequency) * (1 - right[..., 0])
