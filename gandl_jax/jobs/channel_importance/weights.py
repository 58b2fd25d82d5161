"""Weights of channels over seeds: their means, spread and intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from gandl_jax.tasks.bootstrap import LEVEL

FEW = 5  # seeds; with fewer an interval is little more than a guess (ours)


def over_seeds(weights: np.ndarray) -> dict[str, np.ndarray]:
    """Averages over seeds with 95 % intervals: Student's, which are wide for few seeds.

    Args:
      weights: [S, C] shares of sum 1, a row for each seed.

    Returns:
      [C] each: "mean", "sd" between seeds, "low" and "high" in [0, 1]; for one seed
      "sd" is 0, and "low" and "high" are 0 and 1: nothing is known then.
    """
    count, mean = len(weights), weights.mean(0)
    if count == 1:
        zeros = np.zeros_like(mean)
        return {"mean": mean, "sd": zeros, "low": zeros, "high": zeros + 1}
    deviation = weights.std(0, ddof=1)
    half = stats.t.ppf((1 + LEVEL) / 2, count - 1) * deviation / np.sqrt(count)
    low, high = np.clip([mean - half, mean + half], 0, 1)
    return {"mean": mean, "sd": deviation, "low": low, "high": high}


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Correlates the ranks of two lists; None if one is constant or has two numbers."""
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(stats.spearmanr(first, second).statistic)


def agreement_of_seeds(weights: np.ndarray) -> dict[str, Any]:
    """Measures how seeds agree, from [S, C] numbers.

    Returns:
      "spearman", the mean over pairs of seeds, None for one seed or two channels;
      "first", the number of seeds that have each channel first, [C].
    """
    pairs = [
        spearman(weights[first_seed], weights[second_seed])
        for first_seed in range(len(weights))
        for second_seed in range(first_seed)
    ]
    known = [value for value in pairs if value is not None]
    first = np.bincount(weights.argmax(1), minlength=weights.shape[1])
    mean = float(np.mean(known)) if known else None
    return {"spearman": mean, "first": first.tolist()}


def agreements(yardsticks: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """Correlates the ranks of yardsticks, numbers of the same channels.

    Args:
      yardsticks: name to [C] numbers, the higher the more a channel matters.
    """
    names = list(yardsticks)
    return [
        {
            "one": first_name,
            "other": second_name,
            "spearman": spearman(yardsticks[first_name], yardsticks[second_name]),
            "same_first": int(np.argmax(yardsticks[first_name]))
            == int(np.argmax(yardsticks[second_name])),
            "channels": len(yardsticks[first_name]),
        }
        for number, first_name in enumerate(names)
        for second_name in names[number + 1 :]
    ]
