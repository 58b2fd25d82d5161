"""Differences of a score to its bases: the untrained or given network, and floors."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from gandl_jax.profiles.feature_set import started_name, untrained_name
from gandl_jax.profiles.floors import OF_IMAGES
from gandl_jax.tasks import bootstrap

FLOORS = ("plate", "position")  # predicted from the metadata alone


def bases(
    name: str, judged: Collection[str], *, floors: Collection[str] = FLOORS
) -> dict[str, str]:
    """Returns the sets that a set is compared with.

    Args:
      name: full name of the set; a floor is compared with nothing.
      judged: names of the available sets and floors.
      floors: those to compare with.

    Returns:
      "untrained", "start", "classical", "intensity", "plate", "position", as far as
      they are available, -> the name of that set.
    """
    if name in FLOORS:
        return {}
    candidates = {"untrained": untrained_name(name), "start": started_name(name)}
    candidates |= {floor: floor for floor in (*OF_IMAGES, *floors)}
    return {
        role: candidate
        for role, candidate in candidates.items()
        if candidate in judged and candidate != name
    }


def difference(
    value: float,
    draws: np.ndarray,
    base_name: str,
    base: float,
    base_draws: np.ndarray,
    *,
    chance: float,
    stretch: float,
) -> dict[str, Any]:
    """Subtracts a base's score from a set's, on the same draws.

    A plate or position that predicts worse than chance (if wells are held out, the
    remaining wells of a plate are of the other classes) is no floor: chance is.

    Args:
      value: the set's score.
      draws: [draws] its scores on the bootstrap's draws.
      base_name: name of the base.
      base: its score.
      base_draws: [draws] its scores on the same draws.
      chance: the score of guessing.
      stretch: factor on the width of the interval.

    Returns:
      "against", "value", "low" and "high" (95 %).
    """
    if base_name in FLOORS and base < chance:
        base_name, base, base_draws = "chance", chance, np.float64(chance)
    gain = float(value - base)
    low, high = bootstrap.interval(
        gain, draws - base_draws, stretch=stretch, lowest=-1.0
    )
    return {"against": base_name, "value": gain, "low": low, "high": high}


def to_bases(
    name: str,
    values: Mapping[str, float],
    draws: Mapping[str, np.ndarray],
    base_draws: Mapping[str, np.ndarray],
    *,
    chance: float,
    stretch: float,
) -> dict[str, dict[str, Any]]:
    """Subtracts the score of each base from a set's.

    Args:
      name: full name of the set.
      values: score of each set and floor.
      draws: [draws] scores of each on the bootstrap's draws.
      base_draws: the same with another pseudo-unit, as `bootstrap.recalls` adds it.
      chance: the score of guessing.
      stretch: factor on the width of intervals.

    Returns:
      Role as in `bases` -> the result of `difference`.
    """
    return {
        role: difference(
            values[name],
            draws[name],
            base_name,
            values[base_name],
            base_draws[base_name],
            chance=chance,
            stretch=stretch,
        )
        for role, base_name in bases(name, values).items()
    }
