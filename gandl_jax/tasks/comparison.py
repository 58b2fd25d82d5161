"""Which of several entrants is better, over units and over seeds of their trainings?

All entrants are judged on the same records. What units (wells) would have given that
were drawn again is told by draws that are the same for all, so that differences are
paired. What other seeds would have given is told by the seeds that there are: the
variance between their scores, less what units alone make of it. Both variances are
added; degrees of freedom are Welch's and Satterthwaite's. Of a single seed nothing is
known of others: then the interval is over units alone.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from gandl_jax.tasks import bootstrap

LEVEL = bootstrap.LEVEL


@dataclasses.dataclass(frozen=True)
class Counted:
    """What a question counts, the same for all entrants.

    Attributes:
      total: [U, K] records of each unit and class; a question without classes has one.
      tested: different records that are tested.
      trained: records that a fold learns from; infinite where nothing is learnt.
      chance: the score of guessing.
    """

    total: np.ndarray
    tested: int
    trained: float
    chance: float

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the variance over units."""
        return max(0, bootstrap.degrees(self.total))

    @property
    def inflation(self) -> float:
        """By which the variance over units grows, for folds share their training."""
        return 1 + self.tested / self.trained


@dataclasses.dataclass(frozen=True)
class Scores:
    """The scores of an entrant.

    Attributes:
      values: [S] of its seeds.
      draws: [S, B] of its seeds, when units are drawn again; draw b has the same units
        in all entrants.
    """

    values: np.ndarray
    draws: np.ndarray

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    def minus(self, other: "Scores") -> "Scores":
        """The differences of seeds that belong together, [S] and [S, B]."""
        return Scores(self.values - other.values, self.draws - other.draws)


def scores(
    counted: Counted, right: Sequence[np.ndarray], *, draws: int, seed: int, prior: int
) -> Scores:
    """Scores an entrant.

    Args:
      counted: of the question.
      right: of each seed [U, K], how many records it is right about, or a sum of
        precisions.
      draws: number of draws B.
      seed: of the draws; the same for all entrants.
      prior: another number for each entrant, as of `bootstrap.recalls`.
    """
    totals = counted.total.sum(0)
    drawn = [
        bootstrap.recalls(
            one,
            counted.total,
            draws=draws,
            seed=seed,
            prior=prior,
            chance=counted.chance,
        ).mean(1)
        for one in right
    ]
    values = [float((one.sum(0) / totals).mean()) for one in right]
    return Scores(np.array(values), np.stack(drawn))


def interval(counted: Counted, found: Scores, rng: np.random.Generator) -> Mapping:
    """The mean over seeds, with its 95 % interval in [0, 1]: "value", "low", "high"."""
    drawn = _spread(counted, found, rng)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if not counted.degrees:
        low, high = 0.0, 1.0
    value = found.value
    low, high = max(0.0, min(low, value)), min(1.0, max(high, value))
    return {"value": value, "low": float(low), "high": float(high)}


def paired(counted: Counted, one: Scores, other: Scores) -> dict[str, float]:
    """The difference of two whose seeds belong together: trained and its untrained.

    Returns:
      "value", "low", "high" and "p", two-sided.
    """
    both = one.minus(other)
    return _tested(counted, both.value, both.draws.mean(0), [both])


def difference(counted: Counted, one: Scores, other: Scores) -> dict[str, float]:
    """The difference of two whose seeds have nothing to do with one another.

    Returns:
      "value", "low", "high" and "p", two-sided.
    """
    drawn = one.draws.mean(0) - other.draws.mean(0)
    return _tested(counted, one.value - other.value, drawn, [one, other])


def holm(p: Sequence[float]) -> list[float]:
    """P-values after correction for their number (Holm 1979), in the same order."""
    order, adjusted, highest = np.argsort(p, kind="stable"), [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return adjusted


def ranks(
    counted: Counted, found: Mapping[str, Scores], rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """The rank of each entrant, 1 for the highest score.

    Returns:
      Name to "rank" of the means, "rank_low" and "rank_high", between which 95 % of
      draws lie, and "best", the share of draws in which it is first.
    """
    drawn = np.stack([_spread(counted, one, rng) for one in found.values()])
    of_draws = stats.rankdata(-drawn, axis=0)
    means = stats.rankdata([-one.value for one in found.values()])
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    ends = np.quantile(of_draws, tails, axis=1, method="closest_observation")
    best = (of_draws == of_draws.min(0)).mean(1)
    return {
        name: {
            "rank": float(means[i]),
            "rank_low": float(ends[0, i]),
            "rank_high": float(ends[1, i]),
            "best": float(best[i]),
        }
        for i, name in enumerate(found)
    }


def seed_variance(found: Scores) -> float:
    """The variance of a mean over seeds that is due to the seeds, 0 or more."""
    count = len(found.values)
    if count < 2:
        return 0.0
    residuals = found.draws - found.draws.mean(0)
    by_units = residuals.var(1).sum() / (count - 1)
    return max(0.0, float(found.values.var(ddof=1) - by_units)) / count


def _tested(
    counted: Counted, value: float, drawn: np.ndarray, parts: Sequence[Scores]
) -> dict[str, float]:
    """A difference with its interval and p-value.

    Args:
      counted: of the question.
      value: the difference.
      drawn: [B] its draws over units.
      parts: what has seeds of its own in it.
    """
    variances = [(float(drawn.var()) * counted.inflation, counted.degrees)]
    variances += [(seed_variance(one), len(one.values) - 1) for one in parts]
    variance, degrees = _together([v for v in variances if v[0] > 0])
    if not counted.degrees or not degrees:
        return {"value": float(value), "low": -1.0, "high": 1.0, "p": 1.0}
    error = math.sqrt(variance)
    half = stats.t.ppf((1 + LEVEL) / 2, degrees) * error
    p = 2 * stats.t.sf(abs(value) / error, degrees)
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return {"value": float(value), "low": low, "high": high, "p": float(p)}


def _together(variances: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The sum of variances with their degrees of freedom, and its own (Welch 1947)."""
    total = sum(variance for variance, _ in variances)
    if not total or any(degrees < 1 for _, degrees in variances):
        return total, 0.0
    return total, total**2 / sum(v**2 / degrees for v, degrees in variances)


def _spread(counted: Counted, found: Scores, rng: np.random.Generator) -> np.ndarray:
    """[B] draws of the mean over seeds, over units and over seeds."""
    drawn = found.draws.mean(0)
    middle = np.median(drawn)
    few = stats.t.ppf((1 + LEVEL) / 2, counted.degrees) if counted.degrees else 1.0
    few /= stats.norm.ppf((1 + LEVEL) / 2)
    spread = middle + (drawn - middle) * math.sqrt(counted.inflation) * few
    if variance := seed_variance(found):
        degrees = len(found.values) - 1
        spread = spread + rng.standard_t(degrees, len(spread)) * math.sqrt(variance)
    return spread
