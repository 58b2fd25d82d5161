"""Table of a sweep's progress, for a terminal."""

import math
from collections.abc import Mapping, Sequence

from gandl_jax.jobs.sweep.book import Book
from gandl_jax.jobs.sweep.programs import Program
from gandl_jax.jobs.sweep.runs import Run
from gandl_jax.progress import duration
from gandl_jax.tasks.score_table import aligned

WIDEST = 60  # characters of a program's last line
Running = Mapping[str, tuple[Run, Program]]


def text(
    wanted: Sequence[Run],
    done: Sequence[Run],
    running: Running,
    book: Book,
    processes: int,
) -> str:
    """Writes a line for each run, and when all will be done.

    Args:
      wanted: all runs.
      done: finished runs.
      running: by name, runs that run now.
      book: of the sweep.
      processes: that run at a time.
    """
    names, failures = {run.name for run in done}, book.failures(wanted)
    lines = []
    for run in wanted:
        if run.name in running:
            program = running[run.name][1]
            state = " ".join(program.last_line().split())[:WIDEST]
            seconds = book.seconds(run) + program.seconds
        else:
            state = "done" if run.name in names else "waits"
            if run.name in failures:
                state = f"failed: {failures[run.name]}"
            seconds = book.seconds(run)
        lines.append([run.name, duration(seconds) if seconds else "", state])
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
    """Estimates the seconds until all are done; infinite if no run has finished."""
    names = {run.name for run in done} | book.failures(wanted).keys()
    left = [run for run in wanted if run.name not in names or run.name in running]
    if not left:
        return 0.0
    seconds_of_method: dict[str, list[float]] = {}
    for run in done:
        if seconds := book.seconds(run):
            seconds_of_method.setdefault(run.config.method.name, []).append(seconds)
    all_seconds = [
        seconds_of_run
        for seconds_of_runs in seconds_of_method.values()
        for seconds_of_run in seconds_of_runs
    ]
    if not all_seconds:
        return math.inf
    total = 0.0
    for run in left:
        seconds_of_runs = seconds_of_method.get(run.config.method.name, all_seconds)
        so_far = book.seconds(run)
        if run.name in running:
            so_far += running[run.name][1].seconds
        total += max(0.0, sum(seconds_of_runs) / len(seconds_of_runs) - so_far)
    return total / min(processes, len(left))
