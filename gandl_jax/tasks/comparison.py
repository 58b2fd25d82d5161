"""Comparison of entrants, with intervals over units and over seeds of trainings.

All entrants are judged on the same records. The variance over units (wells) is that of
bootstrap draws, which are the same for all, so that differences are paired. The
variance over seeds is that between the scores of one entrant's seeds, minus the part
that units alone cause. Two or three seeds hardly determine it: it is pooled over all
entrants of a question, as in an analysis of variance, and applies to those with one
seed too. Both variances are added; degrees of freedom are Satterthwaite's (1946), of
the mean squares that are added. If every entrant has one seed, the variance over seeds
is unknown: intervals are over units alone.
"""

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from gandl_jax.tasks import bootstrap

LEVEL = bootstrap.LEVEL


@dataclasses.dataclass(frozen=True)
class Counted:
    """Records that a question counts, the same for all entrants.

    Attributes:
      total: [U, K] records of each unit and class; K is 1 for a question without
        classes.
      tested: number of different test records.
      trained: number of records that a fold learns from; infinite if nothing is learnt.
      chance: the score of guessing.
    """

    total: np.ndarray
    tested: int
    trained: float
    chance: float

    @functools.cached_property
    def _few_units(self) -> tuple[float, float]:
        return bootstrap.few_units(self.total)

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the variance over units."""
        return self._few_units[1]

    @property
    def inflation(self) -> float:
        """Factor on the variance: units are few, and folds share training records."""
        return self._few_units[0] * (1 + self.tested / self.trained)


@dataclasses.dataclass(frozen=True)
class Scores:
    """The scores of an entrant.

    Attributes:
      values: [S] one per seed.
      draws: [S, B] of each seed when units are drawn again; draw b has the same units
        in all entrants.
      has_seeds: whether another seed would change it.
    """

    values: np.ndarray
    draws: np.ndarray
    has_seeds: bool = True

    @property
    def value(self) -> float:
        """Mean over seeds."""
        return float(self.values.mean())

    def minus(self, other: "Scores") -> "Scores":
        """Returns the paired differences of seeds, [S] and [S, B]."""
        values, draws = self.values - other.values, self.draws - other.draws
        return Scores(values, draws, self.has_seeds)


@dataclasses.dataclass(frozen=True)
class Seeds:
    """Variance between seeds, pooled over entrants.

    Attributes:
      square: the mean square between the seeds of an entrant.
      by_units: the part of it that units alone cause.
      degrees: of freedom; 0 if every entrant has one seed and it is unknown.
    """

    square: float = 0.0
    by_units: float = 0.0
    degrees: int = 0


def pooled(entrants: Iterable[Scores]) -> Seeds:
    """Pools the variance between seeds over entrants."""
    several = [
        entrant for entrant in entrants if entrant.has_seeds and len(entrant.values) > 1
    ]
    degrees = sum(len(entrant.values) - 1 for entrant in several)
    if not degrees:
        return Seeds()
    between = sum(((entrant.values - entrant.value) ** 2).sum() for entrant in several)
    by_units = sum(
        (entrant.draws - entrant.draws.mean(0)).var(1).sum() for entrant in several
    )
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
      right: per seed [U, K], number of right decisions, or sum of precisions.
      draws: number of draws B.
      seed: of the draws; the same for all entrants.
      prior: another number for each entrant, as in `bootstrap.recalls`.
      has_seeds: whether another seed would change it.
      totals: per seed [U, K], what `right` is a share of; None is the question's.
    """
    options = {"draws": draws, "seed": seed, "chance": counted.chance}
    if totals is None or all(total is None for total in totals):
        totals = [counted.total] * len(right)
        recalls = bootstrap.recalls_of_each(
            [(of_seed, prior) for of_seed in right], counted.total, **options
        )
    else:
        totals = [counted.total if total is None else total for total in totals]
        recalls = [
            bootstrap.recalls(of_seed, total, prior=prior, **options)
            for of_seed, total in zip(right, totals, strict=True)
        ]
    drawn = [of_seed.mean(1) for of_seed in recalls]
    values = [
        float((of_seed.sum(0) / total.sum(0)).mean())
        for of_seed, total in zip(right, totals, strict=True)
    ]
    return Scores(np.array(values), np.stack(drawn), has_seeds)


def interval(
    counted: Counted, entrant: Scores, seeds: Seeds, rng: np.random.Generator
) -> dict[str, float]:
    """Returns the mean over seeds and its 95 % interval: "value", "low", "high"."""
    drawn = _spread(counted, entrant, seeds, rng)
    stretch = 1.0 if counted.degrees else math.inf
    low, high = bootstrap.interval(entrant.value, drawn, stretch=stretch)
    return {"value": entrant.value, "low": low, "high": high}


def gain(counted: Counted, gains: Scores, seeds: Seeds) -> dict[str, float]:
    """Compares two entrants with paired seeds, such as trained and untrained.

    Args:
      counted: of the question.
      gains: differences, as `Scores.minus` returns them.
      seeds: of all such differences of the question.

    Returns:
      "value", "low", "high" and "p", two-sided.
    """
    return _tested(counted, gains.value, gains.draws.mean(0), seeds, [gains])


def difference(
    counted: Counted, first: Scores, second: Scores, seeds: Seeds
) -> dict[str, float]:
    """Compares two entrants with independent seeds.

    Returns:
      "value", "low", "high" and "p", two-sided.
    """
    drawn = first.draws.mean(0) - second.draws.mean(0)
    return _tested(counted, first.value - second.value, drawn, seeds, [first, second])


def holm(p: Sequence[float]) -> list[float]:
    """Corrects p-values for their number (Holm 1979), in the same order."""
    order, adjusted, highest = np.argsort(p, kind="stable"), [0.0] * len(p), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = highest
    return adjusted


def ranks(
    counted: Counted,
    entrants: Mapping[str, Scores],
    seeds: Seeds,
    rng: np.random.Generator,
    *,
    lower_is_better: bool = False,
) -> dict[str, dict[str, Any]]:
    """Ranks the entrants, 1 for the highest score, or the lowest.

    Returns:
      Name -> "rank" of the means, "rank_low" and "rank_high", which include 95 % of
      draws, and "best", the share of draws in which it is first.
    """
    if not entrants:
        return {}
    drawn = np.stack(
        [_spread(counted, entrant, seeds, rng) for entrant in entrants.values()]
    )
    sign = 1 if lower_is_better else -1
    drawn_ranks = stats.rankdata(sign * drawn, axis=0)
    means = stats.rankdata([sign * entrant.value for entrant in entrants.values()])
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    ends = np.quantile(drawn_ranks, tails, axis=1, method="closest_observation")
    best = (drawn_ranks == drawn_ranks.min(0)).mean(1)
    return {
        name: {
            "rank": float(means[i]),
            "rank_low": float(ends[0, i]),
            "rank_high": float(ends[1, i]),
            "best": float(best[i]),
        }
        for i, name in enumerate(entrants)
    }


def _tested(
    counted: Counted,
    value: float,
    drawn: np.ndarray,
    seeds: Seeds,
    entrants: Sequence[Scores],
) -> dict[str, float]:
    """Returns a difference with its interval and p-value.

    Args:
      counted: of the question.
      value: the difference.
      drawn: [B] its draws over units.
      seeds: of the question.
      entrants: the compared scores, each with its own seeds.
    """
    variance, degrees = _variance(counted, drawn, seeds, entrants)
    if not degrees:
        return {"value": float(value), "low": -1.0, "high": 1.0, "p": 1.0}
    error = math.sqrt(variance)
    half = stats.t.ppf((1 + LEVEL) / 2, degrees) * error
    p = 2 * stats.t.sf(abs(value) / error, degrees)
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return {"value": float(value), "low": low, "high": high, "p": float(p)}


def _variance(
    counted: Counted, drawn: np.ndarray, seeds: Seeds, entrants: Sequence[Scores]
) -> tuple[float, float]:
    """Returns the variance over units and seeds, and its degrees of freedom.

    Units also cause a part of the variance between seeds, which the draws over units
    hold already: it is subtracted once. Arguments are as in `_tested`. The degrees are
    0 if the variance is unknown.
    """
    by_draws = float(drawn.var()) * counted.inflation
    share = sum(1 / len(entrant.values) for entrant in entrants if entrant.has_seeds)
    square, by_units = seeds.square * share, seeds.by_units * share
    total = by_draws + max(0.0, square - by_units)
    squares = max(0.0, by_draws - by_units) ** 2 / max(counted.degrees, 1e-9)
    squares += square**2 / seeds.degrees if seeds.degrees else 0.0
    if not counted.degrees or not squares:
        return total, 0.0
    return total, total**2 / squares


def _spread(
    counted: Counted, entrant: Scores, seeds: Seeds, rng: np.random.Generator
) -> np.ndarray:
    """Draws [B] means over seeds, when units and seeds are drawn again."""
    drawn = entrant.draws.mean(0)
    variance, degrees = _variance(counted, drawn, seeds, [entrant])
    by_draws = float(drawn.var()) * counted.inflation
    wider = bootstrap.t_over_z(degrees) if degrees else 1.0
    noise = rng.normal(scale=math.sqrt(variance - by_draws), size=len(drawn))
    deviations = (drawn - np.median(drawn)) * math.sqrt(counted.inflation) + noise
    return entrant.value + deviations * wider
