"""How far a sweep is, as text for a terminal."""

import math
from collections.abc import Mapping, Sequence

from gandl_jax.jobs.sweep.book import Book
from gandl_jax.jobs.sweep.programs import Program
from gandl_jax.jobs.sweep.runs import Run
from gandl_jax.progress import duration
from gandl_jax.tasks.score_table import aligned

WIDEST = 60  # characters of what a program says
Running = Mapping[str, tuple[Run, Program]]


def text(
    wanted: Sequence[Run],
    done: Sequence[Run],
    running: Running,
    book: Book,
    processes: int,
) -> str:
    """A line for each run, and when all are done.

    Args:
      wanted: all runs.
      done: those that have come to their end.
      running: by name, those that run now.
      book: of the sweep.
      processes: that run at a time.
    """
    names, failures = {one.name for one in done}, book.failures(wanted)
    lines = []
    for one in wanted:
        if one.name in running:
            program = running[one.name][1]
            state = " ".join(program.last_line().split())[:WIDEST]
            seconds = book.seconds(one) + program.seconds
        else:
            state = "done" if one.name in names else "waits"
            if one.name in failures:
                state = f"failed: {failures[one.name]}"
            seconds = book.seconds(one)
        lines.append([one.name, duration(seconds) if seconds else "", state])
    left = _left(wanted, done, running, book, processes)
    ending = f"ETA {duration(left)}" if left else ""
    head = f"sweep     {len(done)} of {len(wanted)} runs done  {ending}".rstrip()
    return "\n".join([head, *(f"          {line}" for line in aligned(lines))])


def _left(
    wanted: Sequence[Run],
    done: Sequence[Run],
    running: Running,
    book: Book,
    processes: int,
) -> float:
    """Seconds until all are done; infinite where no run tells how long one takes."""
    names = {one.name for one in done} | book.failures(wanted).keys()
    left = [one for one in wanted if one.name not in names or one.name in running]
    if not left:
        return 0.0
    took: dict[str, list[float]] = {}
    for one in done:
        if seconds := book.seconds(one):
            took.setdefault(one.config.method.name, []).append(seconds)
    every = [s for of_method in took.values() for s in of_method]
    if not every:
        return math.inf
    total = 0.0
    for one in left:
        of_method = took.get(one.config.method.name, every)
        so_far = book.seconds(one)
        if one.name in running:
            so_far += running[one.name][1].seconds
        total += max(0.0, sum(of_method) / len(of_method) - so_far)
    return total / min(processes, len(left))
