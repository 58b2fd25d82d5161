"""The absolute EC50: the dose at which the response is half way between the controls.

The relative EC50 is half way up a curve's own rise, which may end far from the wanted
state; the absolute one asks for a given response (Sebaugh 2011, Guidelines for accurate
EC50/IC50 estimation). A curve reaches half way below a dose where its response there is
half way or more, so the chance of the latter is the distribution of the absolute EC50.
"""

from collections.abc import Callable

import numpy as np
from scipy import special

HALF_WAY = 0.5  # the controls being 0 and 1
_NODES = 25
_STAGES = 4  # of closer nodes, at most
_NEAR = 2.5  # standard deviations around half way that closer nodes cover

Chance = Callable[[np.ndarray], np.ndarray]


def find(
    chance: Chance, log_doses: np.ndarray, decades_beyond: float, level: float
) -> dict[str, float | str | None]:
    """Returns the dose or, if it may lie beyond the tested doses, the known bound.

    Args:
      chance: from log10 doses [D] to the probability [D] that the response there is
        half way or more; rises with the dose where curves do.
      log_doses: [K] log10 of the tested doses, ascending.
      decades_beyond: distance that the interval may go past the doses.
      level: of the interval, and of the one-sided bounds.

    Returns:
      `absolute_ec50_um`, `_low_um` and `_high_um`, and `_bound` "above" or "below". A
      bound lies within the doses: "above" the highest means that half way is not
      reached. All None where it may lie on either side.
    """
    lowest, highest = log_doses[[0, -1]]
    nodes, z = _narrow(chance, lowest - decades_beyond, highest + decades_beyond)
    unlikely, likely = (_crossing(nodes, z, p) for p in (1 - level, level))
    below, above = unlikely < lowest, likely > highest
    ends = dict.fromkeys(("", "_low", "_high"), np.inf)
    if not below and not above:
        tail = (1 - level) / 2
        chances = (0.5, tail, 1 - tail)
        ends = {
            end: _crossing(nodes, z, p) for end, p in zip(ends, chances, strict=True)
        }
    elif above and not below:
        ends["_low"] = min(unlikely, highest)
    elif below and not above:
        ends["_high"] = max(likely, lowest)
    side = None if below == above else "above" if above else "below"
    return {
        f"absolute_ec50{end}_um": float(10**log) if np.isfinite(log) else None
        for end, log in ends.items()
    } | {"absolute_ec50_bound": side}


def _narrow(chance: Chance, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns log10 doses [D] around half way, and normal quantiles [D] there."""
    for _ in range(_STAGES):
        nodes = np.linspace(low, high, _NODES)
        z = special.ndtri(np.clip(chance(nodes), 1e-9, 1 - 1e-9))
        z = np.maximum.accumulate(z)
        first = max(int(np.searchsorted(z, -_NEAR)) - 1, 0)
        last = min(int(np.searchsorted(z, _NEAR)), _NODES - 1)
        if last - first > _NODES // 3 or last == first:
            break
        low, high = nodes[[first, last]]
    return nodes, z


def _crossing(nodes: np.ndarray, z: np.ndarray, level: float) -> float:
    """Returns the dose where the chance passes a level; infinite beyond the nodes."""
    wanted = special.ndtri(level)
    after = int(np.searchsorted(z, wanted))
    if after == 0:
        return -np.inf
    if after == len(z):
        return np.inf
    share = (wanted - z[after - 1]) / (z[after] - z[after - 1])
    return float(nodes[after - 1] + share * (nodes[after] - nodes[after - 1]))
