"""The way from response 0 to response 1, judged on wells that did not draw it.

The axis is Fisher's linear discriminant: the difference between the controls' means,
in which directions count the less the more wells of one control scatter along them
(density, staining), with the scatter shrunken as Ledoit and Wolf (2004) do, for wells
are fewer than features.

An axis separates the wells that it was drawn from even where there is nothing to
separate, the more the wider the profiles. So it is drawn without a fold of the control
wells, and what it says of that fold is what counts (cross-fitting).
"""

import numpy as np
import pandas as pd
from sklearn.covariance import ledoit_wolf_shrinkage

from gandl_jax.profiles import table

LEAST_SHRINKAGE = 1e-3  # keeps the scatter invertible (ours)
STANDARD_ERRORS = 4  # by which the controls must differ (ours)
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
      [W] float64, in standard deviations of the control wells along the axis, from the
      mean of the training wells of response 0: of a control well on its own fold's
      axis, of the others the mean over all axes.
    """
    names = np.unique(folds[classes >= 0])
    total = np.zeros(len(profiles))
    for fold in names:
        groups = [profiles[(folds != fold) & (classes == k)] for k in (0, 1)]
        judged = (folds == fold) | (classes < 0)
        start = groups[0].mean(axis=0)
        total[judged] += (profiles[judged] - start) @ discriminant(*groups)
    return np.where(classes < 0, total / len(names), total)


def discriminant(zero: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Fisher's axis from one group to another: S^-1 (mean of one - mean of zero).

    S, the scatter within groups, is shrunken towards a multiple of the identity
    (Ledoit and Wolf 2004). It is never built: it would be D x D.

    Args:
      zero: [n, D] float64.
      one: [m, D] float64.

    Returns:
      [D] float64, of such length that S is 1 along it; where wells do not scatter at
      all, the difference itself.
    """
    difference = one.mean(axis=0) - zero.mean(axis=0)
    residuals = np.concatenate([zero - zero.mean(axis=0), one - one.mean(axis=0)])
    variance = np.square(residuals).mean()
    if variance == 0:
        return difference
    shrinkage = max(
        ledoit_wolf_shrinkage(residuals, assume_centered=True), LEAST_SHRINKAGE
    )
    # S = a I + b R'R, so S^-1 v = (v - R' (a/b I + R R')^-1 R v) / a (Woodbury).
    a, b = shrinkage * variance, (1 - shrinkage) / len(residuals)
    inner = a * np.eye(len(residuals)) + b * residuals @ residuals.T
    inside = np.linalg.solve(inner, residuals @ difference)
    axis = (difference - b * residuals.T @ inside) / a
    length = np.sqrt(a * axis @ axis + b * np.square(residuals @ axis).sum())
    return axis / max(length, np.finfo(float).tiny)


def told_apart(places: np.ndarray, classes: np.ndarray) -> bool:
    """Whether response 1 lies ahead of response 0 by more than 4 standard errors.

    Args:
      places: [W] as `places` gives.
      classes: [W] int, 0 or 1 for controls, each at least twice, and -1 for others.

    Returns:
      False for differences that wells without signal give too: folds share wells, so
      noise passes in up to 2 % of screens (found by simulation).
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
