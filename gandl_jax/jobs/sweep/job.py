"""The job `sweep`: many configs, each run to its end, one or several at a time.

Each run has its workdir in that of the sweep, and is a program of its own: a failure
stops no other run. After a kill the same command continues and repeats nothing. Rows of
finished runs are kept as CSV in config.sweep.results.
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
LOOK_S = 0.5  # between two checks of the programs
TELL_S = 30.0  # between two tables of progress
# Beginnings of keys that say how a prepared screen is used, not what is in it.
USED = ("data.channels", "data.label", "data.extra", "data.oversample")
USED += ("data.flips", "data.rotations")
# At least, of a run: checkpoints, features and results of a small network (ours). Only
# its own program knows what a large one takes.
RUN_BYTES = 64_000_000


def check(config, workdir: epath.Path, before: Sequence[str]) -> None:
    """Refuses a sweep with an impossible config, before any is run.

    Args:
      config: of the sweep.
      workdir: of the sweep.
      before: jobs that run first.

    Raises:
      InputError: no list of configs, a config that cannot be run, or no free disk.
    """
    if files.is_remote(workdir):
        raise InputError(f"--workdir={workdir}: a sweep's programs need a local folder")
    wanted, book = runs.read(config, workdir), Book(workdir)
    kept = Results(epath.Path(config.sweep.results), config.name)
    due = [run for run in wanted if not (book.is_done(run) or kept.has(run))]
    purpose = f"a sweep with {len(due)} runs to do"
    free_disk.require(workdir, RUN_BYTES * len(due), purpose)


def run(config, workdir: epath.Path) -> None:
    """Runs every config of a sweep that is not done.

    Raises:
      InputError: see `check`; or minutes are too short.
      RunError: some runs failed; all others are done.
    """
    workdir = epath.Path(workdir)
    wanted = runs.read(config, workdir)
    with cluster.connected(config.evaluate.cluster) as workers:
        workdir.mkdir(parents=True, exist_ok=True)
        with lock.held_here(workdir, "--job=sweep"):
            book = Book(workdir)
            prepared = _prepare(wanted, workdir)
            start, count_places = _ways(workers, config.sweep.processes)
            wanted = timing.with_steps(
                wanted, config.sweep.minutes, book, workdir / "timing", start
            )
            kept = Results(epath.Path(config.sweep.results), config.name)
            _tell_of_kept(wanted, book, kept)
            _Queue(wanted, book, kept, start, count_places, prepared).run()
            failures = book.failures(wanted)
    if failures:
        reasons = "; ".join(f"{name}: {last}" for name, last in failures.items())
        raise RunError(
            f"{len(failures)} of {len(wanted)} runs failed, all others are done: "
            f"{reasons}"
        )


def _tell_of_kept(wanted: Sequence[Run], book: Book, kept: Results) -> None:
    """Prints the runs that are not repeated though this folder does not have them."""
    names = [run.name for run in wanted if kept.has(run) and not book.is_done(run)]
    if names:
        print(
            f"sweep     {len(names)} of {len(wanted)} runs are not repeated, for their "
            f"rows are in {kept.scores}: {', '.join(names)}. To run them here too, "
            "give another folder by --config.sweep.results",
            flush=True,
        )


def _ways(workers: Any, processes: int) -> tuple[Start, Callable[[], int]]:
    """Returns how programs are started, and how many at a time: one on each worker."""
    if workers is None:
        return Program, lambda: processes
    # It imports NumPy, which only workers need.
    from gandl_jax.jobs.sweep.cluster_program import ClusterProgram

    return functools.partial(ClusterProgram, workers), workers.await_workers


def _prepare(wanted: Sequence[Run], workdir: epath.Path) -> set[str]:
    """Prepares each screen once, before runs share it; returns the digests of all.

    Raises:
      RunError: a screen cannot be prepared.
    """
    screens = {_screen(run): run for run in wanted}.values()
    for run in screens:
        print(f"sweep     preparing {run.config.data.name}", flush=True)
        ended = programs.run(run.command(["prepare"]), workdir / "logs/prepare.txt")
        if ended.code:
            raise RunError(f"the screen cannot be prepared: {ended.last}")
    return set(map(_screen, screens))


def _screen(run: Run) -> str:
    """Returns a digest of all settings of a run's prepared screen.

    A prepared screen has all channels and all labels, whichever are used.
    """
    flat, kept = configs.plain(run.config), ("data.", "screen.", "simulate.")
    return sealed_json.digest(
        {
            key: value
            for key, value in flat.items()
            if key.startswith(kept) and not key.startswith(USED)
        }
    )


class _Queue:
    """Runs that are done, that run now and that wait."""

    def __init__(
        self,
        wanted: Sequence[Run],
        book: Book,
        kept: Results,
        start: Start,
        count_places: Callable[[], int],
        prepared: set[str],
    ):
        self._wanted, self._book, self._kept = wanted, book, kept
        self._start_program, self._count_places, self._count = start, count_places, 1
        self._prepared = prepared
        self._done = [run for run in wanted if book.is_done(run) or kept.has(run)]
        left = (run for run in wanted if run not in self._done)
        self._waiting = collections.deque(left)
        self._running: dict[str, tuple[Run, Program]] = {}

    def run(self) -> None:
        """Runs all; an interruption stops the programs, which save first."""
        last_report = -math.inf
        try:
            while self._waiting or self._running:
                changed = self._start() + self._collect()
                if changed or time.monotonic() - last_report >= TELL_S:
                    last_report = time.monotonic()
                    self._tell()
                time.sleep(LOOK_S)
        except BaseException:
            programs.stop_all([program for _, program in self._running.values()])
            raise
        self._kept.write(self._wanted, self._done)
        self._tell()

    def _start(self) -> int:
        """Starts as many programs as may run; returns their number."""
        if not self._waiting:
            return 0
        self._count = self._count_places()
        free = max(0, self._count - len(self._running))
        count = min(free, len(self._waiting))
        for _ in range(count):
            run = self._waiting.popleft()
            options, log = _program(run, self._done, self._prepared)
            self._running[run.name] = run, self._start_program(options, log)
        return count

    def _collect(self) -> int:
        """Records programs that have ended; returns their number."""
        ended = {name: program.ended() for name, (_, program) in self._running.items()}
        ended = {name: end for name, end in ended.items() if end}
        for name, end in ended.items():
            run, _ = self._running.pop(name)
            self._book.note(run, end)
            if not end.code:
                self._done.append(run)
                self._kept.write(self._wanted, self._done)
        return len(ended)

    def _tell(self) -> None:
        report = table.text(
            self._wanted, self._done, self._running, self._book, self._count
        )
        print(report, flush=True)


def _program(
    run: Run, done: Sequence[Run], prepared: set[str]
) -> tuple[str, epath.Path]:
    """Returns options and log of a run, which copies floors from finished runs.

    It does not prepare a prepared screen: of two runs that do so at once, one would be
    refused.
    """
    finished_workdirs = tuple(
        str(done_run.workdir) for done_run in done if done_run.workdir.exists()
    )
    reuse = (
        {"embed.reuse": config_text.write(finished_workdirs)}
        if finished_workdirs
        else {}
    )
    with_reuse = run.with_settings(reuse)
    left_out = "prepare" if _screen(run) in prepared else ""
    jobs = [job for job in configs.all_jobs(run.config) if job != left_out]
    return with_reuse.command(jobs), run.workdir.parent / f"logs/{run.name}.txt"
