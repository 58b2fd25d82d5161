"""How long a call takes: several rounds, each of calls enough for the clock."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

ROUNDS = 7
ROUND_SECONDS = 0.5  # of a round, at least
MOST_SECONDS = 60.0  # after which no other round begins


class Seconds(NamedTuple):
    """What a call takes in each of several rounds.

    Attributes:
      clock: [n] by the clock.
      cores: [n] of the cores' time, which others' computing does not change.
    """

    clock: np.ndarray
    cores: np.ndarray


def seconds_per_call(
    run: Callable[[int], object], *, rounds: int = ROUNDS, first: float | None = None
) -> Seconds:
    """Measures how long a call takes when it is warm.

    Args:
      run: makes a number of calls and waits until they are done.
      rounds: to measure, at most.
      first: seconds that a call takes about; None makes one to see, which also warms.

    Returns:
      The seconds of a call in each round; fewer rounds where they take long.
    """
    once = _seconds(run, 1)[0] if first is None else first
    count = max(1, math.ceil(ROUND_SECONDS / once))
    last = time.monotonic() + MOST_SECONDS
    measured = [_seconds(run, count)]
    while len(measured) < rounds and time.monotonic() < last:
        measured.append(_seconds(run, count))
    return Seconds(*np.transpose(measured) / count)


def compiling(run: Callable[[int], object]) -> dict[str, float]:
    """What the first call takes, which compiles, less what the second does.

    Args:
      run: makes a number of calls and waits until they are done.

    Returns:
      compile_seconds by the clock, compile_core_seconds of the cores' time.
    """
    first, second = _seconds(run, 1), _seconds(run, 1)
    return {
        "compile_seconds": first[0] - second[0],
        "compile_core_seconds": first[1] - second[1],
    }


def _seconds(run: Callable[[int], object], count: int) -> tuple[float, float]:
    began, cores_began = time.monotonic(), time.process_time()
    run(count)
    return time.monotonic() - began, time.process_time() - cores_began


def rates(seconds: Seconds, units: float, name: str) -> dict[str, float]:
    """Units per second: the median of the rounds, the least and the most.

    Args:
      seconds: of a call.
      units: that a call does.
      name: of the units, in the plural.
    """
    rate = units / seconds.clock
    return {
        f"{name}_per_second": float(np.median(rate)),
        f"{name}_per_second_least": float(rate.min()),
        f"{name}_per_second_most": float(rate.max()),
        f"{name}_per_core_second": units / float(np.median(seconds.cores)),
        "rounds": len(rate),
    }
