"""How high the median of a few wells may lie: one-sided upper bounds.

Two of them, for replicates are often fewer than order statistics need.

*Order statistics* assume nothing of how wells scatter: of n wells the k-th lowest lies
below the median with the chance that fewer than k of n fair coins are heads (Conover
1999, sec. 3.2). Below 5 wells even the highest is no 95 % bound, for all of them lie
below the median once in 2^n.

*Shared scatter* takes it that wells of every dose scatter alike on the scale of
logits, symmetrically, so that all doses of an experiment tell how much: Student's t
bound of the mean, which is then the median. Drawing 2 or 3 wells again (a bootstrap)
would give no more than their highest, which lies below the median once in 4 or 8; and
sites of one well in place of wells would count the same well twice.
"""

import functools
from collections.abc import Iterable

import numpy as np
from scipy import special, stats

LEVEL = 0.95
ORDER, SHARED = "order statistics", "shared scatter"
FEWEST = 5  # wells that order statistics need: 2^-5 < 1 - LEVEL
MIN_FREEDOM = 5  # of the shared scatter (ours)
LEAST = 1e-3  # a probability counts as no nearer to 0 or 1 (ours)


def order_statistic(values: np.ndarray, level: float = LEVEL) -> float | None:
    """The lowest of the values that is above the median with a chance.

    Args:
      values: [n], independent, of one distribution.
      level: the chance at least.

    Returns:
      The bound; None where not even the highest value is one.
    """
    at = _place(len(values), level)
    return float(np.sort(values)[at]) if at < len(values) else None


@functools.cache
def _place(count: int, level: float) -> int:
    """Of the bound, from 0, among sorted values; `count` where there is none."""
    below = stats.binom.cdf(np.arange(count), count, 0.5)
    return int(np.searchsorted(below, level))


def scatter(groups: Iterable[np.ndarray]) -> tuple[float, int]:
    """The standard deviation that groups of logits share, and its degrees of freedom.

    Args:
      groups: [n] each; the mean of each is its own.
    """
    squares, freedom = 0.0, 0
    for one in groups:
        squares += float(np.square(one - one.mean()).sum())
        freedom += len(one) - 1
    return float(np.sqrt(squares / max(freedom, 1))), freedom


def shared(values: np.ndarray, sd: float, freedom: int, level: float = LEVEL) -> float:
    """Student's bound of the mean of logits [n], which scatter by `sd`, as a logit."""
    reach = stats.t.ppf(level, freedom) * sd / np.sqrt(len(values))
    return float(values.mean() + reach)


def logits(probability: np.ndarray) -> np.ndarray:
    """Logits of probabilities, those near 0 and 1 as of `LEAST`."""
    return special.logit(np.clip(probability, LEAST, 1 - LEAST))


def upper(
    probability: np.ndarray, sd: float, freedom: int
) -> tuple[float | None, str | None]:
    """The 95 % upper bound of the median of a dose, and how it was found.

    Args:
      probability: [n] in [0, 1], of its wells.
      sd: of logits of wells, as of `scatter`.
      freedom: of it.

    Returns:
      The bound, no lower than the median of these wells, and `ORDER` or `SHARED`; both
      None where there are too few wells for either.
    """
    if len(probability) >= FEWEST:
        return order_statistic(probability), ORDER
    if freedom < MIN_FREEDOM:
        return None, None
    bound = special.expit(shared(logits(probability), sd, freedom))
    return float(max(bound, np.median(probability))), SHARED
