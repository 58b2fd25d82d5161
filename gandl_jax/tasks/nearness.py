"""Nearness of rows to rows of one kind, compared with rows of another.

A row's nearness is the probability that a random row of the near kind lies nearer to it
than one of the far kind: an area under a ROC curve, 1/2 if the kinds are equally near.
It has no unit, so that distances and feature sets can be compared by it.
"""

import dataclasses

import numpy as np
from scipy.spatial import distance as scipy_distance

DISTANCES = ("euclidean", "cosine", "correlation", "braycurtis")


def distances(rows: np.ndarray, others: np.ndarray, metric: str) -> np.ndarray:
    """Computes distances of rows as scipy defines them.

    Bray-Curtis is the sum of absolute differences by the sum of absolute sums; for
    features with a sign, such as normalised ones, it has no upper bound.

    Args:
      rows: [n, D] float.
      others: [m, D] float.
      metric: one of `DISTANCES`.

    Returns:
      [n, m] float64. A row without direction (all 0, or constant for the correlation)
      is at a right angle to all others, 1; two rows of 0 are 0 by Bray-Curtis.
    """
    values = scipy_distance.cdist(rows, others, metric)
    undefined = 0.0 if metric == "braycurtis" else 1.0
    return np.where(np.isnan(values), undefined, values)


@dataclasses.dataclass(frozen=True)
class Nearness:
    """Nearness of rows, and the contribution of each pair.

    Attributes:
      of_rows: [n] nearness of each row; NaN for a row without both kinds.
      of_near: [n, m] for each row and near row, the probability that it lies nearer
        than a far row; NaN if it is not of the near kind.
      of_far: [n, k] for each row and far row, the probability that a near row lies
        nearer; NaN if it is not of the far kind.
    """

    of_rows: np.ndarray
    of_near: np.ndarray
    of_far: np.ndarray


def compare(
    near: np.ndarray, is_near: np.ndarray, far: np.ndarray, is_far: np.ndarray
) -> Nearness:
    """Compares every near row with every far row of each row; ties count half.

    Args:
      near: [n, m] float distances of rows to candidates of the near kind.
      is_near: [n, m] bool, those of the near kind.
      far: [n, k] float distances to candidates of the far kind.
      is_far: [n, k] bool, those of the far kind.
    """
    of_near, of_far = np.full(near.shape, np.nan), np.full(far.shape, np.nan)
    of_rows = np.full(len(near), np.nan)
    for i, (close, distant) in enumerate(zip(is_near, is_far, strict=True)):
        if close.any() and distant.any():
            near_distances, far_distances = near[i, close], far[i, distant]
            of_near[i, close] = 1 - _share_below(near_distances, far_distances)
            of_far[i, distant] = _share_below(far_distances, near_distances)
            of_rows[i] = of_near[i, close].mean()
    return Nearness(of_rows, of_near, of_far)


def _share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the share [n] of the others below each value; ties count half."""
    ascending = np.sort(others)
    ends = [np.searchsorted(ascending, values, side) for side in ("left", "right")]
    return np.mean(ends, axis=0) / len(others)


def influences(
    nearness: Nearness, rows: np.ndarray, near: np.ndarray, far: np.ndarray
) -> np.ndarray:
    """Returns the change of the mean nearness of some rows with each unit's weight.

    It is the infinitesimal jackknife (Jaeckel 1972): a unit counts as a row, as a near
    and as a far row of others. Sums of it, weighted by the bootstrap's weights, are to
    first order the mean over units that are drawn again.

    Args:
      nearness: of all n rows, which are also the near candidates.
      rows: [r] int, rows of the mean; none of them NaN.
      near: [n] int, the unit of each row.
      far: [k] int, the unit of each far row; units are counted from 0.

    Returns:
      [U] float64; it sums up to 0.
    """
    units, values = 1 + max(near.max(), far.max()), nearness.of_rows[rows]
    sums = np.bincount(near[rows], values - values.mean(), units)
    for of_pairs, unit in (
        (nearness.of_near[rows], near),
        (nearness.of_far[rows], far),
    ):
        deviations = of_pairs - values[:, None]
        counts = (~np.isnan(deviations)).sum(1, keepdims=True)
        sums += np.bincount(unit, np.nansum(deviations / counts, axis=0), units)
    return sums / len(rows)


def drawn_medians(
    values: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], weights: np.ndarray
) -> np.ndarray:
    """Returns medians of distances when the units at both ends are drawn again.

    Args:
      values: [n] float, distances.
      pairs: [n] int each, the two units of every distance.
      weights: [B, U] >= 0, weight of each unit in a draw.

    Returns:
      [B]: the lowest distance with half of a draw's pairs at or below it.
    """
    order = np.argsort(values, kind="stable")
    ascending, first, second = values[order], pairs[0][order], pairs[1][order]
    medians = np.empty(len(weights))
    for draw, weight in enumerate(weights):
        sums = np.cumsum(weight[first] * weight[second])
        medians[draw] = ascending[np.searchsorted(sums, sums[-1] / 2)]
    return medians
