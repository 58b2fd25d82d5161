"""How much nearer rows lie to rows of one kind than to rows of another.

A row's nearness is the probability that one of the near ones, drawn at random, lies
nearer to it than one of the far ones: an area under a ROC curve, 1/2 where the kinds
are alike to it. It is free of a distance's unit, so that distances and feature sets can
be compared by it.
"""

import dataclasses

import numpy as np
from scipy.spatial import distance as scipy_distance

DISTANCES = ("euclidean", "cosine", "correlation", "braycurtis")


def distances(rows: np.ndarray, others: np.ndarray, how: str) -> np.ndarray:
    """Distances of rows as scipy defines them.

    Bray-Curtis is the sum of differences by the sum of sums, both without sign; of
    features that have one, as normalised ones do, it has no upper bound.

    Args:
      rows: [n, D] float.
      others: [m, D] float.
      how: one of `DISTANCES`.

    Returns:
      [n, m] float64. A row without direction (all 0, or constant for the correlation)
      is at a right angle to all others, 1; two rows of 0 are 0 by Bray-Curtis.
    """
    found = scipy_distance.cdist(rows, others, how)
    undefined = 0.0 if how == "braycurtis" else 1.0
    return np.where(np.isnan(found), undefined, found)


@dataclasses.dataclass(frozen=True)
class Nearness:
    """How near rows are to the near ones, and what single ones have to do with it.

    Attributes:
      of_rows: [n] nearness of each row; NaN of one without both kinds.
      of_near: [n, m] of each row and near one, how probably that lies nearer than a far
        one; NaN where it is none.
      of_far: [n, k] of each row and far one, how probably a near one lies nearer; NaN
        where it is none.
    """

    of_rows: np.ndarray
    of_near: np.ndarray
    of_far: np.ndarray


def compare(
    near: np.ndarray, is_near: np.ndarray, far: np.ndarray, is_far: np.ndarray
) -> Nearness:
    """Compares every near one with every far one of each row; equals are half nearer.

    Args:
      near: [n, m] float distances of rows to those among which their near ones are.
      is_near: [n, m] bool, which of them are.
      far: [n, k] float distances to those among which their far ones are.
      is_far: [n, k] bool, which of them are.
    """
    of_near, of_far = np.full(near.shape, np.nan), np.full(far.shape, np.nan)
    of_rows = np.full(len(near), np.nan)
    for i, (close, distant) in enumerate(zip(is_near, is_far, strict=True)):
        if close.any() and distant.any():
            ours, theirs = near[i, close], far[i, distant]
            of_near[i, close] = 1 - _share_below(ours, theirs)
            of_far[i, distant] = _share_below(theirs, ours)
            of_rows[i] = of_near[i, close].mean()
    return Nearness(of_rows, of_near, of_far)


def _share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[n] which share of the others lies below each value; equals count half."""
    ascending = np.sort(others)
    ends = [np.searchsorted(ascending, values, side) for side in ("left", "right")]
    return np.mean(ends, axis=0) / len(others)


def influences(
    found: Nearness, rows: np.ndarray, near: np.ndarray, far: np.ndarray
) -> np.ndarray:
    """How the mean nearness of some rows changes with the weight of each unit.

    It is the infinitesimal jackknife (Jaeckel 1972): a unit counts as a row, as near to
    others and as far from others. Sums of it, weighted by the bootstrap's weights, are
    to first order what the mean would be of units that were drawn again.

    Args:
      found: of all n rows, which are the near ones of each other.
      rows: [r] int, those whose mean it is; none of them NaN.
      near: [n] int, the unit of each row.
      far: [k] int, the unit of each far one; units are counted from 0.

    Returns:
      [U] float64; it sums up to 0.
    """
    units, own = 1 + max(near.max(), far.max()), found.of_rows[rows]
    made = np.bincount(near[rows], own - own.mean(), units)
    for of_pairs, unit in ((found.of_near[rows], near), (found.of_far[rows], far)):
        off = of_pairs - own[:, None]
        counts = (~np.isnan(off)).sum(1, keepdims=True)
        made += np.bincount(unit, np.nansum(off / counts, axis=0), units)
    return made / len(rows)


def drawn_medians(
    values: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], weights: np.ndarray
) -> np.ndarray:
    """Medians of distances when the units that they lie between are drawn again.

    Args:
      values: [n] float, distances.
      pairs: [n] int each, the two units of every distance.
      weights: [B, U] >= 0, how much of each unit a draw has.

    Returns:
      [B]: the lowest distance with half of a draw's pairs at or below it.
    """
    order = np.argsort(values, kind="stable")
    ascending, one, other = values[order], pairs[0][order], pairs[1][order]
    made = np.empty(len(weights))
    for draw, weight in enumerate(weights):
        sums = np.cumsum(weight[one] * weight[other])
        made[draw] = ascending[np.searchsorted(sums, sums[-1] / 2)]
    return made
