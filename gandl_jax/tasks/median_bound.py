"""One-sided upper bounds of the median of a few wells.

There are two methods, for replicates are often fewer than order statistics need.

*Order statistics* assume nothing of how wells scatter: of n wells the k-th lowest lies
below the median with the chance that fewer than k of n fair coins are heads (Conover
1999, sec. 3.2). Below 5 wells even the highest is no 95 % bound, for all of them lie
below the median once in 2^n.

*Shared scatter* assumes that wells of every dose scatter alike on the scale of logits,
symmetrically, and estimates it from all doses of an experiment: Student's t bound of
the mean, which is then the median. Drawing 2 or 3 wells again (a bootstrap) would give
no more than their highest, which lies below the median once in 4 or 8; and sites of one
well in place of wells would count the same well twice.
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
    """Returns the lowest of the values that is above the median with a probability.

    Args:
      values: [n], independent, of one distribution.
      level: the least probability.

    Returns:
      The bound; None if not even the highest value is one.
    """
    index = _bound_index(len(values), level)
    return float(np.sort(values)[index]) if index < len(values) else None


@functools.cache
def _bound_index(count: int, level: float) -> int:
    """Returns the index of the bound in sorted values; `count` if there is none."""
    below = stats.binom.cdf(np.arange(count), count, 0.5)
    return int(np.searchsorted(below, level))


def scatter(groups: Iterable[np.ndarray]) -> tuple[float, int]:
    """Returns the standard deviation that groups of logits share, and its freedom.

    Args:
      groups: [n] each; each has its own mean.
    """
    squares, freedom = 0.0, 0
    for group in groups:
        squares += float(np.square(group - group.mean()).sum())
        freedom += len(group) - 1
    return float(np.sqrt(squares / max(freedom, 1))), freedom


def shared(values: np.ndarray, sd: float, freedom: int, level: float = LEVEL) -> float:
    """Returns Student's bound of the mean of logits [n] with scatter `sd`."""
    reach = stats.t.ppf(level, freedom) * sd / np.sqrt(len(values))
    return float(values.mean() + reach)


def logits(probability: np.ndarray) -> np.ndarray:
    """Returns logits of probabilities, which are bounded by `LEAST`."""
    return special.logit(np.clip(probability, LEAST, 1 - LEAST))


def upper(
    probability: np.ndarray, sd: float, freedom: int
) -> tuple[float | None, str | None]:
    """Returns the 95 % upper bound of the median of a dose, and its method.

    Args:
      probability: [n] in [0, 1], of its wells.
      sd: of logits of wells, as in `scatter`.
      freedom: degrees of freedom of that.

    Returns:
      The bound, no lower than the median of these wells, and `ORDER` or `SHARED`; both
      None with too few wells for either.
    """
    if len(probability) >= FEWEST:
        return order_statistic(probability), ORDER
    if freedom < MIN_FREEDOM:
        return None, None
    bound = special.expit(shared(logits(probability), sd, freedom))
    return float(max(bound, np.median(probability))), SHARED
