"""How long a call takes: several rounds of so many calls that the clock tells them."""

import math
import time
from collections.abc import Callable

import numpy as np

ROUNDS = 7
ROUND_SECONDS = 0.5  # of a round, at least
MOST_SECONDS = 60.0  # after which no other round begins


def seconds_per_call(
    run: Callable[[int], object], *, rounds: int = ROUNDS, first: float | None = None
) -> np.ndarray:
    """Measures how long a call takes when it is warm.

    Args:
      run: makes so many calls and waits until they are done.
      rounds: to measure, at most.
      first: seconds that a call takes about; None makes one to see, which also warms.

    Returns:
      [n] seconds of a call, one for each round; fewer where they take long.
    """
    once = _seconds(run, 1) if first is None else first
    count = max(1, math.ceil(ROUND_SECONDS / once))
    last = time.monotonic() + MOST_SECONDS
    measured = [_seconds(run, count) / count]
    while len(measured) < rounds and time.monotonic() < last:
        measured.append(_seconds(run, count) / count)
    return np.array(measured)


def compile_seconds(run: Callable[[int], object]) -> float:
    """Seconds of the first call, which compiles, less those of the second.

    Args:
      run: makes so many calls and waits until they are done.
    """
    return _seconds(run, 1) - _seconds(run, 1)


def _seconds(run: Callable[[int], object], count: int) -> float:
    began = time.monotonic()
    run(count)
    return time.monotonic() - began


def rates(seconds: np.ndarray, units: float, name: str) -> dict[str, float]:
    """Units per second: the median of the rounds, the least and the most.

    Args:
      seconds: [n] of a call.
      units: that a call does.
      name: of the units, in the plural.
    """
    rate = units / seconds
    return {
        f"{name}_per_second": float(np.median(rate)),
        f"{name}_per_second_least": float(rate.min()),
        f"{name}_per_second_most": float(rate.max()),
        "rounds": len(seconds),
    }
