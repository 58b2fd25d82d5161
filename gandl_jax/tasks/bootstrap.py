"""Bootstrap intervals over wells: sites of one well are not independent.

The draws are those of the Bayesian bootstrap (Rubin 1981): every unit gets a weight
from the standard exponential distribution. One unit is added to each class, of which
the share that chance gives is right, so that a class without an error has an interval
too. It has as many records as a unit is worth: one where those of a unit are right
independently of each other, a whole unit's where they are right together. With one
record per unit and two classes a recall is then drawn from Beta(right + 1/2, wrong +
1/2), Jeffreys' posterior of a proportion.

Drawing test wells again takes the classifier as given. Its training wells are a sample
as well, and folds share them, so that the scores of two folds vary together (Bengio and
Grandvalet 2004). Nadeau and Bengio (2003) therefore multiply the variance by
1 + tested / trained: training on n wells shakes the score as much as testing on n does.
Units that are few show too little of their variance, and count as they do in
Student's t.

The added unit draws towards chance, and the fewer units a class has the more. So the
draws give an interval its width, and the score its place.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from gandl_jax.tasks import units

LEVEL = 0.95
BLOCK = 2**22  # weights that are in memory at a time


def recalls(
    correct: np.ndarray,
    total: np.ndarray,
    *,
    draws: int,
    seed: int,
    prior: int = 1,
    chance: float | None = None,
) -> np.ndarray:
    """Draws the share of right predictions per class.

    Args:
      correct: [U, K] right predictions on each unit's records of each class.
      total: [U, K] all of them; every class has some.
      draws: number of bootstrap samples.
      seed: of the draws; the same seed pairs those of two scores.
      prior: seed of the added unit. Two scores whose difference is wanted need
        different ones: the same would cancel, and scores that are right on the same
        records would differ by exactly 0.
      chance: share of the added unit that is right; None is 1 / K.

    Returns:
      [draws, K] float64 in [0, 1].
    """
    count, classes = total.shape
    guessed = 1 / classes if chance is None else chance
    size = worth(correct, total)
    rng, added = np.random.default_rng(seed), np.random.default_rng([seed, prior])
    right, wrong = (
        size * added.gamma(share, size=(draws, classes))
        for share in (guessed, 1 - guessed)
    )
    drawn = right, right + wrong
    step = max(1, BLOCK // count)
    for start in range(0, draws, step):
        weights = rng.exponential(size=(min(step, draws - start), count))
        drawn[0][start : start + step] += weights @ correct
        drawn[1][start : start + step] += weights @ total
    return drawn[0] / drawn[1]


def worth(correct: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Returns [K] the number of independent records that a unit of a class is worth.

    1 + (records - 1) times the intraclass correlation of right predictions within
    units (Fisher's estimate from an analysis of variance, over all classes).

    Args:
      correct: [U, K] right predictions on each unit's records of each class.
      total: [U, K] all of them; every class has some.
    """
    present = total > 0
    records, units_of_class = total.sum(0), present.sum(0)
    mean_size = records / units_of_class
    share = np.divide(correct, total, out=np.zeros(total.shape), where=present)
    between = (total * (share - correct.sum(0) / records) ** 2).sum()
    within = (total * share * (1 - share)).sum()
    free_between, free_within = (units_of_class - 1).sum(), (total - present).sum()
    if free_between <= 0 or free_within <= 0 or between + within == 0:
        return mean_size  # nothing is known: as if they were right together
    between, within = between / free_between, within / free_within
    usual = (records - (total**2).sum(0) / records).sum() / free_between
    correlation = (between - within) / (between + (usual - 1) * within)
    return 1 + np.clip(correlation, 0, 1) * (mean_size - 1)


def recalls_of_each(
    counts: Sequence[tuple[np.ndarray, int]], total: np.ndarray, **options: Any
) -> list[np.ndarray]:
    """Computes `recalls` of several scores, side by side.

    Args:
      counts: pairs of right predictions [U, K] and prior.
      total: [U, K] the same for all.
      **options: draws, seed and chance.
    """
    return units.each(_recalls, (total, options), counts)


def _recalls(total: np.ndarray, options: Mapping[str, Any], pair) -> np.ndarray:
    correct, prior = pair
    return recalls(correct, total, prior=prior, **options)


def stretch(total: np.ndarray, *, tested: int, trained: float) -> float:
    """Returns the factor by which an interval is wider than the spread of its draws.

    Args:
      total: [U, K] predictions on each unit's records of each class.
      tested: number of different records that any fold tests.
      trained: number of records that a fold learns from.

    Returns:
      sqrt(inflation (1 + tested / trained)) t / z, with the 97.5 % quantiles t of
      Student's and z of the normal distribution, and inflation and degrees of freedom
      of `few_units`; infinite where none is left.
    """
    inflation, free = few_units(total)
    if free < 1:
        return math.inf
    return float(np.sqrt(inflation * (1 + tested / trained)) * t_over_z(free))


def t_over_z(degrees: float) -> float:
    """Divides Student's quantile, for these degrees of freedom, by the normal one."""
    tail = (1 + LEVEL) / 2
    return float(stats.t.ppf(tail, degrees) / stats.norm.ppf(tail))


def few_units(total: np.ndarray) -> tuple[float, float]:
    """Returns what it means for a variance that units are few.

    The variance of a mean over classes of shares is estimated by a sum of squares, one
    of each unit. Here each unit has an effect of its own on all its classes, of one
    variance (Bell and McCaffrey 2002): the sum has a mean below the variance, and
    counts as chi-squared of the same mean and variance (Satterthwaite 1946).

    Args:
      total: [U, K] records of each unit and class; every class has some.

    Returns:
      The variance over the sum's mean, n / (n - 1) for n units of each class, and the
      degrees of freedom: units less classes for units of one class and one size, units
      less one for units that hold all classes, fewer where some hold most of the
      records, 0 where nothing is known as each class lies in one unit.
    """
    share = total / total.sum(0)
    weight = share.sum(1)
    # With D = diag(weight), the matrix of the squares is that of (D - share share')^2 =
    # D^2 + [share, D share] core [share, D share]': nothing here is [U, U].
    within, once, twice = (
        share.T @ (weight[:, None] ** power * share) for power in range(3)
    )
    thrice = weight**3 @ (share**2).sum(1)  # the trace alone
    first, second = within @ within - once, within @ once - twice
    variance = (weight**2).sum()
    mean = variance - 2 * np.trace(once) + (within**2).sum()
    if mean < 1e-12 * variance:
        return 1.0, 0.0
    square = (weight**4).sum() + 2 * (within * twice).sum() - 4 * thrice
    square += (first * first.T).sum() + (once**2).sum() - 2 * (second * within).sum()
    return float(variance / mean), float(mean**2 / square)


def interval(
    value: float, draws: np.ndarray, *, stretch: float, lowest: float = 0.0
) -> tuple[float, float]:
    """Returns the 95 % interval of a value: its draws' spread, stretched.

    The distances of the percentiles from the draws' median are taken, about the value.

    Args:
      value: score on all units.
      draws: [n] score in each draw.
      stretch: factor on the distances.
      lowest: lowest possible value: 0, or -1 for a difference; the highest is 1.

    Returns:
      (low, high), which include the value.
    """
    if not math.isfinite(stretch):
        return lowest, 1.0
    low, middle, high = np.quantile(draws, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    low, high = (value + stretch * (tail - middle) for tail in (low, high))
    return float(max(lowest, low)), float(min(1.0, high))
