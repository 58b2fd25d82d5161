"""What a run tells: metrics to JSONL (the truth) and TensorBoard, progress lines."""

import json
import math
import sys
import time
from collections.abc import Mapping

from etils import epath
from tensorboardX import SummaryWriter


class Progress:
    """A progress line with rate and ETA.

    On a terminal the line is rewritten; in a file or pipe a new one is printed at
    most every few seconds.

    Args:
      name: of the stage, "train".
      total: how many units there are.
      unit: "images".
      start: units already done before this run.
    """

    def __init__(self, name: str, total: int, unit: str, start: int = 0):
        self._name, self._total, self._unit = name, total, unit
        self._start = self._done = start
        self._first = 0
        self._began = self._printed = self._steady = time.monotonic()
        self._terminal = sys.stdout.isatty()
        self._interval = 0.5 if self._terminal else 5.0

    def update(self, count: int, note: str = "") -> None:
        """Counts `count` more units; prints when the last line is old enough."""
        now = time.monotonic()
        if self._done == self._start:
            # The first units compile or warm up: no measure of the others.
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
        seconds = now - self._began
        steady = self._done - self._start - self._first
        rate = steady / max(now - self._steady, 1e-9)
        rest = self._total - self._done
        left = rest / rate if rate else math.inf if rest else 0
        share = self._done / max(self._total, 1)
        ending = f"ETA {duration(left)}" if left else f"took {duration(seconds)}"
        line = (
            f"{self._name:9}{self._done:>9,}/{self._total:,} {self._unit} "
            f"{share:4.0%}  {rate:,.1f} {self._unit}/s  {ending}  {note}"
        )
        print(line.rstrip().ljust(100 if end == "\r" else 0), end=end, flush=True)


def duration(seconds: float) -> str:
    """Seconds as "4:05" or "2:04:05"; "?" where unknown."""
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Metrics:
    """Appends to `metrics.jsonl` and TensorBoard.

    Lines of steps that come after `first_step` belong to work that is done again
    after a resume: they are dropped.

    Args:
      workdir: of the experiment.
      first_step: steps completed before this run.
    """

    def __init__(self, workdir: epath.PathLike, first_step: int):
        self._file = epath.Path(workdir) / "metrics.jsonl"
        _keep_until(self._file, first_step)
        self._board = SummaryWriter(
            str(epath.Path(workdir) / "tensorboard"), purge_step=first_step + 1
        )

    def write(self, step: int, images: int, seconds: float, values: Mapping) -> None:
        """Adds one line: {"step", "images", "seconds", "group/name": value, ...}."""
        line = {"step": step, "images": images, "seconds": round(seconds, 3), **values}
        with self._file.open("a") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Flushes TensorBoard's events."""
        self._board.close()


def last_seconds(workdir: epath.PathLike) -> float:
    """Training time on record, seconds; 0 where there is none."""
    lines = _lines(epath.Path(workdir) / "metrics.jsonl")
    return lines[-1]["seconds"] if lines else 0.0


def _keep_until(file: epath.Path, step: int) -> None:
    lines = _lines(file)
    kept = [line for line in lines if line["step"] <= step]
    if len(kept) < len(lines) or file.exists():
        part = file.with_name(file.name + ".part")
        part.write_text("".join(json.dumps(line) + "\n" for line in kept))
        part.replace(file)


def _lines(file: epath.Path) -> list[dict]:
    """The complete lines; a line torn by a kill is left out."""
    if not file.exists():
        return []
    found = []
    for line in file.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return found
