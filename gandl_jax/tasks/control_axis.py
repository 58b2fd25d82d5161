"""The way from response 0 to response 1, judged on wells that did not draw it.

An axis through the means of two groups separates these very wells even where there is
nothing to separate, the more the wider the profiles. So it is drawn without a fold of
the control wells, and what it says of that fold is what counts (cross-fitting).
"""

import numpy as np
import pandas as pd

from gandl_jax.profiles import table

STANDARD_ERRORS = 3  # by which the controls must differ (ours)
MAX_FOLDS = 4  # where neither plates nor rows can be held apart (ours)


def folds(metadata: pd.DataFrame, classes: np.ndarray) -> np.ndarray:
    """The fold of each control well: its plate, else its row, else every k-th well.

    Args:
      metadata: [W] wells of one experiment.
      classes: [W] int, 0 or 1 for controls and -1 for others.

    Returns:
      [W] int, -1 for what is no control; without any fold at least one well of each
      control is left. All are -1 where a control has fewer than two wells.
    """
    controls = np.flatnonzero(classes >= 0)
    own, labels = metadata.iloc[controls], classes[controls]
    found = np.full(len(classes), -1)
    if np.bincount(labels, minlength=2).min() < 2:
        return found
    plates, rows = table.plates(own), table.rows(own)
    both = [p for p in np.unique(plates) if len(set(labels[plates == p])) == 2]
    if len(both) > 1:
        groups = plates
    elif _leaves_both(rows, labels):
        groups = rows
    else:
        groups = _counted(labels)
    found[controls] = np.unique(groups, return_inverse=True)[1]
    return found


def places(profiles: np.ndarray, classes: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Each well's place along the axis between the controls of the other folds.

    Args:
      profiles: [W, D] float64 in standard deviations of the controls.
      classes: [W] int, 0 or 1 for controls and -1 for others.
      folds: [W] int, as `folds` gives.

    Returns:
      [W] float64, in the profiles' unit, from the mean of the training wells of
      response 0: of a control well on its own fold's axis, of the others the mean over
      all axes.
    """
    names = np.unique(folds[classes >= 0])
    total = np.zeros(len(profiles))
    for fold in names:
        train = folds != fold
        start, end = (profiles[train & (classes == k)].mean(axis=0) for k in (0, 1))
        length = max(np.linalg.norm(end - start), np.finfo(float).tiny)
        judged = (folds == fold) | (classes < 0)
        total[judged] += (profiles[judged] - start) @ ((end - start) / length)
    return np.where(classes < 0, total / len(names), total)


def told_apart(places: np.ndarray, classes: np.ndarray) -> bool:
    """Whether response 1 lies ahead of response 0 by more than 3 standard errors.

    Args:
      places: [W] as `places` gives.
      classes: [W] int, 0 or 1 for controls, each at least twice, and -1 for others.

    Returns:
      False for differences that wells without signal give too: folds share wells, so
      noise passes in up to 3 % of screens (found by simulation).
    """
    groups = [places[classes == k] for k in (0, 1)]
    error = np.sqrt(sum(group.var(ddof=1) / len(group) for group in groups))
    return bool(groups[1].mean() - groups[0].mean() > STANDARD_ERRORS * error)


def from_0_to_1(places: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Puts 0 and 1 at the means of the controls.

    Args:
      places: [W] float64.
      classes: [W] int, 0 or 1 for controls and -1 for others.

    Returns:
      [W] float64.
    """
    start, end = (places[classes == k].mean() for k in (0, 1))
    return (places - start) / (end - start)


def _leaves_both(groups: np.ndarray, labels: np.ndarray) -> bool:
    return all(len(set(labels[groups != g])) == 2 for g in np.unique(groups))


def _counted(labels: np.ndarray) -> np.ndarray:
    """The n-th well of each class to fold n modulo k."""
    rank = np.zeros(len(labels), int)
    for value in (0, 1):
        rank[labels == value] = np.arange((labels == value).sum())
    return rank % min(MAX_FOLDS, np.bincount(labels).min())
