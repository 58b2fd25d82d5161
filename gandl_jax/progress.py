"""Progress lines, with rate and remaining time of a stage."""

import math
import sys
import time

REWRITTEN_S = 0.5  # least time between two updates of a terminal's line
EVERY_S = 5.0  # least time between two lines of a file


class Progress:
    """A progress line with rate and ETA.

    On a terminal the line is rewritten; in a file or pipe a new one is printed at
    most every few seconds.

    Args:
      name: of the stage, "train".
      total: number of units.
      unit: name of the units, "images".
      start: units already done before this run.
    """

    def __init__(self, name: str, total: int, unit: str, start: int = 0):
        self._name, self._total, self._unit = name, total, unit
        self._start = self._done = start
        self._first = 0
        self._began = self._printed = self._steady = time.monotonic()
        self._terminal = sys.stdout.isatty()
        self._interval = REWRITTEN_S if self._terminal else EVERY_S

    def update(self, count: int, note: str = "") -> None:
        """Counts `count` more units; prints when the last line is old enough."""
        now = time.monotonic()
        if self._done == self._start:
            # The first units compile or warm up, and do not count for the rate.
            self._first, self._steady = count, now
        self._done += count
        if now - self._printed >= self._interval and self._done < self._total:
            self._printed = now
            self._print(note, end="\r" if self._terminal else "\n")

    def close(self, note: str = "") -> None:
        """Prints the last line."""
        self._print(note, end="\n")

    def _print(self, note: str, end: str) -> None:
        now = time.monotonic()
        rate = self._rate(now)
        rest = self._total - self._done
        left = rest / rate if rate else math.inf if rest else 0
        share = self._done / max(self._total, 1)
        took = duration(now - self._began)
        ending = f"ETA {duration(left)}" if left else f"took {took}"
        line = (
            f"{self._name:9}{self._done:>9,}/{self._total:,} {self._unit} "
            f"{share:4.0%}  {_digits(rate)} {self._unit}/s  {ending}  {note}"
        )
        print(line.rstrip().ljust(100 if end == "\r" else 0), end=end, flush=True)

    def _rate(self, now: float) -> float:
        """Returns units per second since the first update, or over all if only one."""
        done = self._done - self._start
        if done == self._first and self._done >= self._total:
            return done / max(now - self._began, 1e-9)
        return (done - self._first) / max(now - self._steady, 1e-9)


def _digits(rate: float) -> str:
    """Formats a rate with one decimal; below 1 with two digits, as 0.042."""
    return f"{rate:.2g}" if 0 < rate < 1 else f"{rate:,.1f}"


def duration(seconds: float) -> str:
    """Formats seconds as "4:05" or "2:04:05"; "?" if unknown."""
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
