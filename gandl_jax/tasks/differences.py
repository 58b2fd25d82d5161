"""What a score is held against: the network untrained or as given, and floors."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from gandl_jax.profiles.feature_set import started_name, untrained_name
from gandl_jax.profiles.floors import OF_IMAGES
from gandl_jax.tasks import bootstrap

FLOORS = ("plate", "position")  # told from the metadata alone


def bases(
    name: str, judged: Collection[str], *, floors: Collection[str] = FLOORS
) -> dict[str, str]:
    """The sets that one is compared with.

    Args:
      name: full name of the set; a floor is compared with nothing.
      judged: names of the sets and floors that there are.
      floors: those that count.

    Returns:
      "untrained", "start", "classical", "intensity", "plate", "position", as far as
      there are any, to the name of that set.
    """
    if name in FLOORS:
        return {}
    others = {"untrained": untrained_name(name), "start": started_name(name)}
    others |= {floor: floor for floor in (*OF_IMAGES, *floors)}
    return {k: o for k, o in others.items() if o in judged and o != name}


def difference(
    value: float,
    draws: np.ndarray,
    other: str,
    base: float,
    drawn: np.ndarray,
    *,
    chance: float,
    stretch: float,
) -> dict[str, Any]:
    """A set's score less another's, on the same draws.

    A plate or a position that tells less than chance does (where wells are held out,
    the classes that are left of a plate are the other ones) is no floor: chance is.

    Args:
      value: the set's score.
      draws: [draws] its scores on the bootstrap's draws.
      other: name of the other set.
      base: its score.
      drawn: [draws] its scores on the same draws.
      chance: the score of guessing.
      stretch: by which the interval is widened.

    Returns:
      "against", "value", "low" and "high" (95 %).
    """
    if other in FLOORS and base < chance:
        other, base, drawn = "chance", chance, np.float64(chance)
    gain = float(value - base)
    low, high = bootstrap.interval(gain, draws - drawn, stretch=stretch, lowest=-1.0)
    return {"against": other, "value": gain, "low": low, "high": high}


def to_bases(
    name: str,
    values: Mapping[str, float],
    draws: Mapping[str, np.ndarray],
    others: Mapping[str, np.ndarray],
    *,
    chance: float,
    stretch: float,
) -> dict[str, dict[str, Any]]:
    """A set's score less that of each set that it is compared with.

    Args:
      name: full name of the set.
      values: score of each set and floor.
      draws: [draws] scores of each on the bootstrap's draws.
      others: the same with another pseudo-unit, as `bootstrap.recalls` adds it.
      chance: the score of guessing.
      stretch: by which intervals are widened.

    Returns:
      As of `bases`, to what `difference` gives.
    """
    return {
        kind: difference(
            values[name],
            draws[name],
            other,
            values[other],
            others[other],
            chance=chance,
            stretch=stretch,
        )
        for kind, other in bases(name, values).items()
    }
