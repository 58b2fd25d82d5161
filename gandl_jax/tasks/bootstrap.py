"""Intervals by drawing wells again: sites of one well are not independent."""

import numpy as np

QUANTILES = (0.025, 0.975)  # 95 % interval


def multiplicities(classes: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
    """How often each well is drawn, wells being drawn within their class.

    Args:
      classes: [W] class of each well.
      draws: number of bootstrap samples.
      seed: of the draws; the same seed pairs the draws of two scores.

    Returns:
      [draws, W] int; each row sums to the class's size within each class.
    """
    rng = np.random.default_rng(seed)
    times = np.zeros((draws, len(classes)), np.int64)
    for value in np.unique(classes):
        wells = np.flatnonzero(classes == value)
        even = np.full(len(wells), 1 / len(wells))
        times[:, wells] = rng.multinomial(len(wells), even, size=draws)
    return times


def balanced_accuracies(
    times: np.ndarray, classes: np.ndarray, correct: np.ndarray, total: np.ndarray
) -> np.ndarray:
    """Balanced accuracy of each bootstrap sample.

    Args:
      times: [draws, W] how often each well is drawn.
      classes: [W] class of each well.
      correct: [W] number of right predictions in each well.
      total: [W] number of predictions in each well.

    Returns:
      [draws] mean over classes of the share of right predictions, in [0, 1].
    """
    recalls = []
    for value in np.unique(classes):
        own = classes == value
        recalls.append((times[:, own] @ correct[own]) / (times[:, own] @ total[own]))
    return np.mean(recalls, axis=0)


def interval(draws: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of bootstrap values.

    Args:
      draws: [n] float.

    Returns:
      (low, high).
    """
    low, high = np.quantile(draws, QUANTILES)
    return float(low), float(high)
