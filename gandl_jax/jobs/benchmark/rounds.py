"""Times a call in several rounds, each of enough calls for the clock."""

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

ROUNDS = 7
ROUND_SECONDS = 0.5  # of a round, at least
MOST_SECONDS = 60.0  # after which no further round begins


class Seconds(NamedTuple):
    """Seconds of a call in each of several rounds.

    Attributes:
      clock: [n] by the clock.
      cores: [n] of the cores' time, which other programs do not change.
    """

    clock: np.ndarray
    cores: np.ndarray


def seconds_per_call(
    run: Callable[[int], object], *, rounds: int = ROUNDS, first: float | None = None
) -> Seconds:
    """Measures the time of a call that is warm.

    Args:
      run: makes a number of calls and waits until they are done.
      rounds: to measure, at most.
      first: rough seconds of a call; None times one call, which also warms up.

    Returns:
      The seconds of a call in each round; fewer rounds if they take long.
    """
    once = _seconds(run, 1)[0] if first is None else first
    count = max(1, math.ceil(ROUND_SECONDS / once))
    last = time.monotonic() + MOST_SECONDS
    measured = [_seconds(run, count)]
    while len(measured) < rounds and time.monotonic() < last:
        measured.append(_seconds(run, count))
    return Seconds(*np.transpose(measured) / count)


def by_turns(
    runs: Sequence[Callable[[int], object]], *, seconds: float = ROUND_SECONDS
) -> list[Seconds]:
    """Measures warm calls in rounds, each call in every round.

    Whatever else the machine does meets all of them alike.

    Args:
      runs: each makes a number of calls and waits until they are done.
      seconds: of a call's part of a round, at least.

    Returns:
      The seconds of each call in each round; fewer rounds if they take long.
    """
    counts = [max(1, math.ceil(seconds / _seconds(run, 1)[0])) for run in runs]
    last, measured = time.monotonic() + MOST_SECONDS * len(runs), []
    while not measured or (len(measured) < ROUNDS and time.monotonic() < last):
        measured.append(
            [
                np.divide(_seconds(run, count), count)
                for run, count in zip(runs, counts, strict=True)
            ]
        )
    return [Seconds(*one.T) for one in np.swapaxes(measured, 0, 1)]


def compiling(run: Callable[[int], object]) -> dict[str, float]:
    """Times the first call, which compiles, less the second.

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
    """Returns units per second: the median of the rounds, the least and the most.

    Args:
      seconds: of a call.
      units: done by a call.
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
