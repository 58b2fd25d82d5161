"""How well one of two classes is told from the other, by several measures.

All follow from the share of each class that is decided rightly (and from how often the
class that is looked for comes), so that intervals of all come of the same draws.
"""

import numpy as np

from gandl_jax.tasks.classification import Sample

Shares = np.ndarray  # [..., 2]: of the other class and of the wanted one, in [0, 1]


def balanced_accuracy(right: Shares, frequency: float) -> np.ndarray:
    """[...] the mean over both classes of the share that is right."""
    return right.mean(-1)


def accuracy(right: Shares, frequency: float) -> np.ndarray:
    """[...] the share of all records that is right."""
    return right @ np.array([1 - frequency, frequency])


def precision(right: Shares, frequency: float) -> np.ndarray:
    """[...] the share of the wanted class among what is called it; 0 of nothing."""
    hits, alarms = _called(right, frequency)
    called = hits + alarms
    return np.divide(hits, called, out=np.zeros_like(called), where=called > 0)


def recall(right: Shares, frequency: float) -> np.ndarray:
    """[...] the share of the wanted class that is called it."""
    return right[..., 1]


def f1(right: Shares, frequency: float) -> np.ndarray:
    """[...] the harmonic mean of precision and recall."""
    hits, alarms = _called(right, frequency)
    return 2 * hits / (hits + alarms + frequency)


def specificity(right: Shares, frequency: float) -> np.ndarray:
    """[...] the share of the other class that is not called the wanted one."""
    return right[..., 0]


def auc_draws(drawn: np.ndarray) -> np.ndarray:
    """Draws of `placements` as shares, whose mean varies as the area does.

    An area under the ROC curve is the share of either class, not only their mean: it
    varies by what both lie off (DeLong et al. 1988).

    Args:
      drawn: [B, 2] draws of the shares of each class.

    Returns:
      [B, 2] float64, twice as far off their means.
    """
    means = drawn.mean(0)
    return means + 2 * (drawn - means)


def placements(sample: Sample, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many pairs of a record and one of the other class are in the right order.

    Pairs are of one fold, as scores of two classifiers have no common scale. Equal
    scores are half right.

    Args:
      sample: what is judged, of two classes.
      scores: [n] float of each test record, higher for class 1.

    Returns:
      [U, 2] pairs in the right order and [U, 2] all pairs, of each unit's records of
      each class. Either class's sums are those of all pairs.
    """
    right, pairs = np.zeros(len(scores)), np.zeros(len(scores))
    for fold in np.unique(sample.folds):
        for kind in (0, 1):
            own = np.flatnonzero((sample.folds == fold) & (sample.codes == kind))
            others = scores[(sample.folds == fold) & (sample.codes == 1 - kind)]
            above = _share_below(scores[own], np.sort(others))
            right[own] = above if kind else len(others) - above
            pairs[own] = len(others)
    items = np.arange(len(scores))
    return sample.counted(items, right), sample.counted(items, pairs)


def _share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[n] how many of the ascending others are below each value, equals by half."""
    sides = [np.searchsorted(others, values, side) for side in ("left", "right")]
    return np.mean(sides, axis=0)


def _called(right: Shares, frequency: float) -> tuple[np.ndarray, np.ndarray]:
    """What is called the wanted class, rightly and wrongly, as shares of all."""
    return frequency * right[..., 1], (1 - frequency) * (1 - right[..., 0])
