"""Which of several entrants is better, over units and over seeds of their trainings?

All entrants are judged on the same records. What units (wells) would have given that
were drawn again is told by draws that are the same for all, so that differences are
paired. What other seeds would have given is told by the seeds that there are: the
variance between scores of one entrant, less what units alone make of it. Of two or
three seeds it is hardly known: it is pooled over all entrants of a question, as in an
analysis of variance, and counts for those with one seed too. Both variances are added;
degrees of freedom are Satterthwaite's (1946), of the mean squares that are added. Where
every entrant has one seed nothing is known of others: then intervals are over units
alone.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
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
      has_seeds: whether it would differ with another seed.
    """

    values: np.ndarray
    draws: np.ndarray
    has_seeds: bool = True

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    def minus(self, other: "Scores") -> "Scores":
        """The differences of seeds that belong together, [S] and [S, B]."""
        values, draws = self.values - other.values, self.draws - other.draws
        return Scores(values, draws, self.has_seeds)


@dataclasses.dataclass(frozen=True)
class Seeds:
    """What is known of other seeds.

    Attributes:
      square: the mean square between the seeds of an entrant.
      by_units: how much of it units alone make.
      degrees: of freedom; 0 where every entrant has one seed: nothing is known.
    """

    square: float = 0.0
    by_units: float = 0.0
    degrees: int = 0


def pooled(found: Iterable[Scores]) -> Seeds:
    """Pools what is known of seeds over entrants."""
    several = [one for one in found if one.has_seeds and len(one.values) > 1]
    degrees = sum(len(one.values) - 1 for one in several)
    if not degrees:
        return Seeds()
    between = sum(((one.values - one.value) ** 2).sum() for one in several)
    by_units = sum((one.draws - one.draws.mean(0)).var(1).sum() for one in several)
    return Seeds(float(between / degrees), float(by_units / degrees), degrees)


def scores(
    counted: Counted,
    right: Sequence[np.ndarray],
    *,
    draws: int,
    seed: int,
    prior: int,
    has_seeds: bool = True,
    totals: Sequence[np.ndarray | None] | None = None,
) -> Scores:
    """Scores an entrant.

    Args:
      counted: of the question.
      right: of each seed [U, K], how many records it is right about, or a sum of
        precisions.
      draws: number of draws B.
      seed: of the draws; the same for all entrants.
      prior: another number for each entrant, as of `bootstrap.recalls`.
      has_seeds: whether it would differ with another seed.
      totals: of each seed [U, K] what `right` is a share of; None is the question's.
    """
    options = {"draws": draws, "seed": seed, "chance": counted.chance}
    if totals is None or all(own is None for own in totals):
        whole = [counted.total] * len(right)
        asked = [(one, prior) for one in right]
        recalls = bootstrap.recalls_of_each(asked, counted.total, **options)
    else:
        whole = [counted.total if own is None else own for own in totals]
        recalls = [
            bootstrap.recalls(one, own, prior=prior, **options)
            for one, own in zip(right, whole, strict=True)
        ]
    drawn = [one.mean(1) for one in recalls]
    values = [
        float((one.sum(0) / own.sum(0)).mean())
        for one, own in zip(right, whole, strict=True)
    ]
    return Scores(np.array(values), np.stack(drawn), has_seeds)


def interval(
    counted: Counted, found: Scores, seeds: Seeds, rng: np.random.Generator
) -> dict[str, float]:
    """The mean over seeds, with its 95 % interval in [0, 1]: "value", "low", "high"."""
    drawn = _spread(counted, found, seeds, rng)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if not counted.degrees:
        low, high = 0.0, 1.0
    value = found.value
    low, high = max(0.0, min(low, value)), min(1.0, max(high, value))
    return {"value": value, "low": float(low), "high": float(high)}


def gain(counted: Counted, both: Scores, seeds: Seeds) -> dict[str, float]:
    """A difference of two whose seeds belong together: trained and its untrained.

    Args:
      counted: of the question.
      both: one `minus` the other.
      seeds: of all such differences of the question.

    Returns:
      "value", "low", "high" and "p", two-sided.
    """
    return _tested(counted, both.value, both.draws.mean(0), seeds, [both])


def difference(
    counted: Counted, one: Scores, other: Scores, seeds: Seeds
) -> dict[str, float]:
    """The difference of two whose seeds have nothing to do with one another.

    Returns:
      "value", "low", "high" and "p", two-sided.
    """
    drawn = one.draws.mean(0) - other.draws.mean(0)
    return _tested(counted, one.value - other.value, drawn, seeds, [one, other])


def holm(p: Sequence[float]) -> list[float]:
    """P-values after correction for their number (Holm 1979), in the same order."""
    order, adjusted, highest = np.argsort(p, kind="stable"), [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return adjusted


def ranks(
    counted: Counted,
    found: Mapping[str, Scores],
    seeds: Seeds,
    rng: np.random.Generator,
    *,
    lower_is_better: bool = False,
) -> dict[str, dict[str, Any]]:
    """The rank of each entrant, 1 for the highest score, or the lowest.

    Returns:
      Name to "rank" of the means, "rank_low" and "rank_high", between which 95 % of
      draws lie, and "best", the share of draws in which it is first.
    """
    if not found:
        return {}
    drawn = np.stack([_spread(counted, one, seeds, rng) for one in found.values()])
    sign = 1 if lower_is_better else -1
    of_draws = stats.rankdata(sign * drawn, axis=0)
    means = stats.rankdata([sign * one.value for one in found.values()])
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


def _tested(
    counted: Counted,
    value: float,
    drawn: np.ndarray,
    seeds: Seeds,
    parts: Sequence[Scores],
) -> dict[str, float]:
    """A difference with its interval and p-value.

    Args:
      counted: of the question.
      value: the difference.
      drawn: [B] its draws over units.
      seeds: of the question.
      parts: what has seeds of its own in it.
    """
    variance, degrees = _variance(counted, drawn, seeds, parts)
    if not degrees:
        return {"value": float(value), "low": -1.0, "high": 1.0, "p": 1.0}
    error = math.sqrt(variance)
    half = stats.t.ppf((1 + LEVEL) / 2, degrees) * error
    p = 2 * stats.t.sf(abs(value) / error, degrees)
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return {"value": float(value), "low": low, "high": high, "p": float(p)}


def _variance(
    counted: Counted, drawn: np.ndarray, seeds: Seeds, parts: Sequence[Scores]
) -> tuple[float, float]:
    """The variance over units and seeds, and its degrees of freedom; 0 is unknown.

    Seeds differ by what units make of them, too, which the draws over units hold
    already: it is taken away once. Arguments are as of `_tested`.
    """
    by_draws = float(drawn.var()) * counted.inflation
    share = sum(1 / len(one.values) for one in parts if one.has_seeds)
    square, by_units = seeds.square * share, seeds.by_units * share
    total = by_draws + max(0.0, square - by_units)
    squares = max(0.0, by_draws - by_units) ** 2 / max(counted.degrees, 1e-9)
    squares += square**2 / seeds.degrees if seeds.degrees else 0.0
    if not counted.degrees or not squares:
        return total, 0.0
    return total, total**2 / squares


def _spread(
    counted: Counted, found: Scores, seeds: Seeds, rng: np.random.Generator
) -> np.ndarray:
    """[B] draws of the mean over seeds, over units and over seeds."""
    drawn = found.draws.mean(0)
    variance, degrees = _variance(counted, drawn, seeds, [found])
    by_draws = float(drawn.var()) * counted.inflation
    few = stats.t.ppf((1 + LEVEL) / 2, degrees) if degrees else 1.0
    few /= stats.norm.ppf((1 + LEVEL) / 2)
    noise = rng.normal(scale=math.sqrt(variance - by_draws), size=len(drawn))
    middle = np.median(drawn)
    away = (drawn - middle) * math.sqrt(counted.inflation) + noise
    return middle + away * few
