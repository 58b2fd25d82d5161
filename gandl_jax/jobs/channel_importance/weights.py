"""A layer's weights of channels over seeds: their means, spread and intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from gandl_jax.tasks.bootstrap import LEVEL

FEW = 5  # seeds; of fewer an interval is little more than a guess (ours)


def over_seeds(weights: np.ndarray) -> dict[str, np.ndarray]:
    """Means over seeds with 95 % intervals: Student's, which are wide for few seeds.

    Args:
      weights: [S, C] shares of sum 1, a row for each seed.

    Returns:
      [C] each: "mean", "sd" between seeds, "low" and "high" in [0, 1]; "sd" is 0, and
      "low" and "high" are 0 and 1, where there is one seed: nothing is known then.
    """
    count, mean = len(weights), weights.mean(0)
    if count == 1:
        nothing = np.zeros_like(mean)
        return {"mean": mean, "sd": nothing, "low": nothing, "high": nothing + 1}
    deviation = weights.std(0, ddof=1)
    half = stats.t.ppf((1 + LEVEL) / 2, count - 1) * deviation / np.sqrt(count)
    low, high = np.clip([mean - half, mean + half], 0, 1)
    return {"mean": mean, "sd": deviation, "low": low, "high": high}


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Rank correlation of two lists; None where one has no ranks, or two numbers."""
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(stats.spearmanr(first, second).statistic)


def agreement_of_seeds(weights: np.ndarray) -> dict[str, Any]:
    """How seeds agree, of [S, C] numbers.

    Returns:
      "spearman", the mean over pairs of seeds, None of one seed or two channels;
      "first", how many seeds have each channel first, [C].
    """
    pairs = [
        spearman(weights[i], weights[j]) for i in range(len(weights)) for j in range(i)
    ]
    known = [value for value in pairs if value is not None]
    first = np.bincount(weights.argmax(1), minlength=weights.shape[1])
    mean = float(np.mean(known)) if known else None
    return {"spearman": mean, "first": first.tolist()}


def agreements(yardsticks: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """Rank correlations between yardsticks, of numbers of the same channels.

    Args:
      yardsticks: name to [C] numbers, the higher the more a channel matters.
    """
    names = list(yardsticks)
    return [
        {
            "one": one,
            "other": other,
            "spearman": spearman(yardsticks[one], yardsticks[other]),
            "same_first": int(np.argmax(yardsticks[one]))
            == int(np.argmax(yardsticks[other])),
            "channels": len(yardsticks[one]),
        }
        for number, one in enumerate(names)
        for other in names[number + 1 :]
    ]
