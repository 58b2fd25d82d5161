"""The job `sweep`: many configs, each run whole, one after another or some at a time.

Each run has its workdir in that of the sweep, and is a program of its own: one that
fails stops no other. Killed at any instant, the same command goes on and repeats
nothing. Rows of finished runs are kept as CSV in config.sweep.results.
"""

import collections
import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from etils import epath

from gandl_jax import cluster, config_text, files, free_disk, lock, sealed_json
from gandl_jax import config as configs
from gandl_jax.errors import InputError, RunError
from gandl_jax.jobs.sweep import programs, runs, table, timing
from gandl_jax.jobs.sweep.book import Book
from gandl_jax.jobs.sweep.programs import Program, Start
from gandl_jax.jobs.sweep.results import Results
from gandl_jax.jobs.sweep.runs import Run

WORKDIR = "unclaimed"
LOOK_S = 0.5  # between two looks at the programs
TELL_S = 30.0  # between two tables of progress
# At least, of a run: checkpoints, features and results of a small network (ours). What
# a large one takes only its own program can tell.
RUN_BYTES = 64_000_000


def check(config, workdir: epath.Path, before: Sequence[str]) -> None:
    """Refuses a sweep of which one config is not possible, before any is run.

    Args:
      config: of the sweep.
      workdir: of it.
      before: jobs that run first.

    Raises:
      InputError: no list of configs, a config that cannot be run, or no free disk.
    """
    if files.is_remote(workdir):
        raise InputError(f"--workdir={workdir}: a sweep's programs need a local folder")
    wanted, book = runs.read(config, workdir), Book(workdir)
    kept = Results(epath.Path(config.sweep.results), config.name)
    due = [one for one in wanted if not (book.is_done(one) or kept.has(one))]
    what = f"a sweep with {len(due)} runs to do"
    free_disk.require(workdir, RUN_BYTES * len(due), what)


def run(config, workdir: epath.Path) -> None:
    """Runs every config of a sweep that is not done.

    Raises:
      InputError: as of `check`; minutes that are too short.
      RunError: some runs failed; all others are done.
    """
    workdir = epath.Path(workdir)
    wanted = runs.read(config, workdir)
    with cluster.connected(config.evaluate.cluster) as workers:
        workdir.mkdir(parents=True, exist_ok=True)
        with lock.held(workdir, "--job=sweep"):
            book = Book(workdir)
            prepared = _prepare(wanted, workdir)
            start, places = _ways(workers, config.sweep.processes)
            wanted = timing.with_steps(
                wanted, config.sweep.minutes, book, workdir / "timing", start
            )
            kept = Results(epath.Path(config.sweep.results), config.name)
            _tell_of_kept(wanted, book, kept)
            _Queue(wanted, book, kept, start, places, prepared).run()
            failures = book.failures(wanted)
    if failures:
        told = "; ".join(f"{name}: {last}" for name, last in failures.items())
        raise RunError(
            f"{len(failures)} of {len(wanted)} runs failed, all others are done: {told}"
        )


def _tell_of_kept(wanted: Sequence[Run], book: Book, kept: Results) -> None:
    """Says which runs are not repeated though this folder does not have them."""
    names = [one.name for one in wanted if kept.has(one) and not book.is_done(one)]
    if names:
        print(
            f"sweep     {len(names)} of {len(wanted)} runs are not repeated, for their "
            f"rows are in {kept.scores}: {', '.join(names)}. To run them here too, "
            "give another folder by --config.sweep.results",
            flush=True,
        )


def _ways(workers: Any, processes: int) -> tuple[Start, Callable[[], int]]:
    """How programs are started, and how many run at a time: one on each worker."""
    if workers is None:
        return Program, lambda: processes
    from gandl_jax.jobs.sweep.elsewhere import Elsewhere  # NumPy, for workers alone

    return functools.partial(Elsewhere, workers), workers.await_workers


def _prepare(wanted: Sequence[Run], workdir: epath.Path) -> set[str]:
    """Prepares each screen once, before runs share it; gives their `_screen`.

    Raises:
      RunError: it cannot be prepared.
    """
    screens = {run.config.data.dir: run for run in wanted}.values()
    for one in screens:
        ended = programs.run(one.command(["prepare"]), workdir / "logs/prepare.txt")
        if ended.code:
            raise RunError(f"the screen cannot be prepared: {ended.last}")
    return set(map(_screen, screens))


def _screen(one: Run) -> str:
    """A digest of all that a run's config says of its prepared screen.

    That has all channels, whichever are used.
    """
    flat = configs.plain(one.config) | {"data.channels": []}
    kept = ("data.", "screen.", "simulate.")
    return sealed_json.digest({k: v for k, v in flat.items() if k.startswith(kept)})


class _Queue:
    """Runs that are done, that run now and that wait, so many at a time."""

    def __init__(
        self,
        wanted: Sequence[Run],
        book: Book,
        kept: Results,
        start: Start,
        places: Callable[[], int],
        prepared: set[str],
    ):
        self._wanted, self._book, self._kept = wanted, book, kept
        self._start_program, self._places, self._count = start, places, 1
        self._prepared = prepared
        self._done = [one for one in wanted if book.is_done(one) or kept.has(one)]
        left = (one for one in wanted if one not in self._done)
        self._waiting = collections.deque(left)
        self._running: dict[str, tuple[Run, Program]] = {}

    def run(self) -> None:
        """Runs all; what interrupts it stops the programs, which save first."""
        told = -math.inf
        try:
            while self._waiting or self._running:
                changed = self._start() + self._collect()
                if changed or time.monotonic() - told >= TELL_S:
                    told = time.monotonic()
                    self._tell()
                time.sleep(LOOK_S)
        except BaseException:
            programs.stop_all([program for _, program in self._running.values()])
            raise
        self._kept.write(self._wanted, self._done)
        self._tell()

    def _start(self) -> int:
        """Starts as many as may run; gives how many."""
        if not self._waiting:
            return 0
        self._count = self._places()
        free = max(0, self._count - len(self._running))
        count = min(free, len(self._waiting))
        for _ in range(count):
            one = self._waiting.popleft()
            options, log = _program(one, self._done, self._prepared)
            self._running[one.name] = one, self._start_program(options, log)
        return count

    def _collect(self) -> int:
        """Notes those that have ended; gives how many."""
        ended = {name: p.ended() for name, (_, p) in self._running.items()}
        ended = {name: how for name, how in ended.items() if how}
        for name, how in ended.items():
            one, _ = self._running.pop(name)
            self._book.note(one, how)
            if not how.code:
                self._done.append(one)
                self._kept.write(self._wanted, self._done)
        return len(ended)

    def _tell(self) -> None:
        words = table.text(
            self._wanted, self._done, self._running, self._book, self._count
        )
        print(words, flush=True)


def _program(
    one: Run, done: Sequence[Run], prepared: set[str]
) -> tuple[str, epath.Path]:
    """Options and log of a run, which copies floors of those that are done.

    It prepares no screen that is prepared: of two at once, one would be refused.
    """
    there = tuple(str(other.workdir) for other in done if other.workdir.exists())
    reuse = {"embed.reuse": config_text.write(there)} if there else {}
    again = one.with_settings(reuse)
    left_out = "prepare" if _screen(one) in prepared else ""
    jobs = [job for job in configs.all_jobs(one.config) if job != left_out]
    return again.command(jobs), one.workdir.parent / f"logs/{one.name}.txt"
