"""Shards written by several processes at once, each shard by one of them.

A shard's bytes do not depend on who writes it: `shards.write` is all there is to it.
"""

import concurrent.futures
import itertools
import math
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gandl_jax import child_processes
from gandl_jax.errors import RunError
from gandl_jax.prepared import shards
from gandl_jax.prepared.shards import Raw, Shard

# To start a process takes as long as to decode so many pixels, a few seconds.
WORTH_PIXELS = 2**29
POLL_SECONDS = 0.5  # between two looks at how far the processes are

_told: Any = None  # in a process that writes: records written, of each shard to write
_stop: Any = None  # in such a process: whether to give up


def write(
    todo: Sequence[Shard],
    raw: Raw,
    directory: str,
    *,
    workers: int,
    on_record: Callable[[int], Any],
) -> dict[str, str]:
    """Writes these shards; goes on after bad images, so that all of them are known.

    Args:
      todo: shards from `shards.plan`.
      raw: what they were planned from.
      directory: as `shards.write` takes it.
      workers: processes; 0 is one per core, or this one alone where there is little
        to do.
      on_record: called with how many records more were written.

    Returns:
      Path of every image that does not decode to what is wrong with it; the shards
      that should hold them were not written.

    Raises:
      RunError: the source is gone, or a process was killed.
      OSError: the disk cannot be written.
    """
    processes = min(workers or _worth(todo, raw), len(todo))
    if processes > 1:
        return _write_in_processes(todo, raw, directory, processes, on_record)
    bad: dict[str, str] = {}
    for shard in todo:
        try:
            shards.write(shard, raw, directory, on_record=on_record)
        except shards.BadImages as error:
            bad |= error.images
    return bad


def _worth(todo: Sequence[Shard], raw: Raw) -> int:
    """How many processes are no waste."""
    found = raw.image_format
    per_record = found.height_px * found.width_px * len(raw.screen.channels)
    pixels = per_record * sum(len(shard.rows) for shard in todo)
    return min(os.cpu_count() or 1, math.ceil(pixels / WORTH_PIXELS))


def _write_in_processes(
    todo: Sequence[Shard],
    raw: Raw,
    directory: str,
    processes: int,
    on_record: Callable[[int], Any],
) -> dict[str, str]:
    # Not fork: the caller may hold threads of jax or tensorflow.
    context = multiprocessing.get_context("spawn")
    # No locks: a process killed while it holds one would stop all others.
    told, stop = context.RawArray("q", len(todo)), context.RawValue("b", 0)
    with concurrent.futures.ProcessPoolExecutor(
        processes, context, _begin, (told, stop)
    ) as pool:
        try:
            return _follow(
                pool, _tasks(todo, raw, directory), 2 * processes, told, on_record
            )
        except concurrent.futures.process.BrokenProcessPool as error:
            raise RunError(
                "a process that wrote shards was killed, perhaps for want of memory: "
                "the same command goes on; --config.data.workers=1 needs the least"
            ) from error
        finally:
            stop.value = 1


def _tasks(todo: Sequence[Shard], raw: Raw, directory: str) -> Iterator[tuple]:
    """The arguments of `_write`, each made only when it is asked for."""
    for place, shard in enumerate(todo):
        yield place, *shards.alone(shard, raw), directory


def _follow(
    pool: concurrent.futures.Executor,
    tasks: Iterator[tuple],
    at_once: int,
    told: Any,
    on_record: Callable[[int], Any],
) -> dict[str, str]:
    """Hands out the tasks, few at a time, and tells of the records as they come."""
    given: list[concurrent.futures.Future] = []
    running: set[concurrent.futures.Future] = set()
    before = 0
    while True:
        for task in itertools.islice(tasks, at_once - len(running)):
            with child_processes.deaf_to_interrupts():
                given.append(pool.submit(_write, *task))
            running.add(given[-1])
        if not running:
            return {path: why for one in given for path, why in one.result().items()}
        finished, running = concurrent.futures.wait(
            running, POLL_SECONDS, concurrent.futures.FIRST_COMPLETED
        )
        now = sum(told)
        if now > before:
            on_record(now - before)
        before = now
        for one in finished:
            one.result()  # raises what went wrong there


def _begin(told: Any, stop: Any) -> None:
    """Prepares a process that writes."""
    global _told, _stop
    _told, _stop = told, stop
    child_processes.end_with_parent()


class _Stopped(Exception):
    """The run failed elsewhere, or was stopped."""


def _write(place: int, shard: Shard, raw: Raw, directory: str) -> dict[str, str]:
    def on_record(count: int) -> None:
        if _stop.value:
            raise _Stopped
        _told[place] += count

    on_record(0)
    try:
        shards.write(shard, raw, directory, on_record=on_record)
    except shards.BadImages as error:
        return dict(error.images)
    return {}
