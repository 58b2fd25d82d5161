"""Equal time: converts minutes of training into steps, once.

Each training is timed alone on the machine: a piece of it, in a workdir of its own, is
prolonged until it gives a reliable rate. Afterwards steps count, so that results do not
depend on the machine.
"""

import math
from collections.abc import Sequence

from etils import epath

from gandl_jax import config as configs
from gandl_jax import costs, sealed_json
from gandl_jax.errors import InputError, RunError
from gandl_jax.jobs.sweep import programs
from gandl_jax.jobs.sweep.book import Book
from gandl_jax.jobs.sweep.programs import Start
from gandl_jax.jobs.sweep.runs import Run

FIRST_STEPS = 16  # of a piece (ours)
LEAST_S = 20.0  # of steps, for a reliable rate (ours); a tenth of the time at most


def with_steps(
    runs: Sequence[Run],
    minutes: float,
    book: Book,
    folder: epath.Path,
    start: Start = programs.Program,
):
    """Sets every run's images to the number that it trains on in these minutes.

    Args:
      runs: of the sweep; runs that differ only in their seed are timed once.
      minutes: of training without compiling.
      book: of the sweep, which keeps the results.
      folder: of the pieces that are timed.
      start: starts a program.

    Returns:
      The runs, with their `train.total_images`.

    Raises:
      InputError: the time is shorter than compiling, or differs from a former one.
      RunError: a training that is timed fails.
    """
    if not minutes:
        return list(runs)
    trained = [run for run in runs if run.config.train.total_images]
    _time_each_once(trained, minutes, book, folder, start)
    timed_runs = []
    for run in runs:
        if not run.config.train.total_images:  # its config trains nothing
            timed_runs.append(run)
            continue
        images = str(book.steps(_key(run))["total_images"])
        timed_runs.append(run.with_settings({"train.total_images": images}))
    return timed_runs


def _time_each_once(
    runs: Sequence[Run],
    minutes: float,
    book: Book,
    folder: epath.Path,
    start: Start,
) -> None:
    """Times what the book has no steps of, and notes it there."""
    untimed = {}
    for run in runs:
        if timing_result := book.steps(_key(run)):
            _refuse_other_minutes(timing_result["minutes"], minutes)
        else:
            untimed.setdefault(_key(run), run)
    for i, (key, run) in enumerate(untimed.items()):
        print(
            f"sweep     timing {run.name}, {i + 1} of {len(untimed)} (about a minute "
            "each; the machine should be idle)",
            flush=True,
        )
        book.note_steps(key, _timed(run, minutes, folder / key, start))


def _key(run: Run) -> str:
    """Names a training without its seed and its length."""
    identity = configs.identity(run.config)
    identity.pop("seed")
    return f"{run.config.method.name}-{sealed_json.digest(identity)[:12]}"


def _refuse_other_minutes(before: float, now: float) -> None:
    if before != now:
        raise InputError(
            f"config.sweep.minutes is {now:g}, and steps were counted for {before:g}: "
            "go back to that, or name another --workdir"
        )


def _timed(
    run: Run, minutes: float, folder: epath.Path, start: Start
) -> dict[str, float]:
    """Times a piece of a training; returns what `Book.steps` keeps."""
    wanted_s, steps = minutes * 60, FIRST_STEPS
    enough_s = min(LEAST_S, wanted_s / 10)
    batch, stepped_s = run.config.train.batch, 0.0
    while stepped_s < enough_s:
        cost = _cost_of(run, steps * batch, folder, start)
        _refuse_compiling(run, cost["compile_seconds"], wanted_s)
        stepped_s = cost["seconds"]["steps"]
        factor = 1.2 * enough_s / max(stepped_s, 1e-9)
        steps = math.ceil(steps * min(4.0, max(1.2, factor)))
    step_s = stepped_s / cost["steps"]
    total = max(1, round(wanted_s / step_s)) * batch
    print(
        f"sweep     {run.name}: {step_s:.3g} s a step, {total:,} images in {minutes:g} "
        "minutes",
        flush=True,
    )
    return {"minutes": minutes, "total_images": total, "seconds_per_step": step_s}


def _cost_of(run: Run, images: int, folder: epath.Path, start: Start) -> dict:
    settings = {"train.total_images": str(images)}
    options = run.with_settings(settings).command(["train"], folder / "workdir")
    ended = programs.run(options, folder / "log.txt", start)
    if ended.code:
        raise RunError(f"{run.name} could not be timed: {ended.last}")
    return costs.read(folder / "workdir")["training"]


def _refuse_compiling(run: Run, compile_s: float, wanted_s: float) -> None:
    if compile_s > wanted_s:
        raise InputError(
            f"config.sweep.minutes={wanted_s / 60:g} is shorter than compiling "
            f"{run.name} takes ({compile_s:.0f} s): train longer"
        )
