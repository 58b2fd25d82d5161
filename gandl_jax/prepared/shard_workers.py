"""Writes shards in several processes at once, each shard in one of them.

A shard's bytes do not depend on the process: each only calls `shards.write`.
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

# Starting a process takes as long as decoding this many pixels, a few seconds.
WORTH_PIXELS = 2**29
POLL_SECONDS = 0.5  # between two looks at the processes' progress

_written: Any = None  # in a writing process: records written of each shard
_stop: Any = None  # in a writing process: whether to give up


def write(
    todo: Sequence[Shard],
    raw: Raw,
    directory: str,
    *,
    workers: int,
    on_record: Callable[[int], Any],
) -> dict[str, str]:
    """Writes these shards; continues after bad images, so that all are reported.

    Args:
      todo: shards from `shards.plan`.
      raw: what they were planned from.
      directory: as for `shards.write`.
      workers: processes; 0 is one per core, or only this one if there is little to do.
      on_record: called with the number of records written since the last call.

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
    """Counts the processes that are worth starting."""
    image_format = raw.image_format
    per_record = (
        image_format.height_px * image_format.width_px * len(raw.screen.channels)
    )
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
    written, stop = context.RawArray("q", len(todo)), context.RawValue("b", 0)
    with concurrent.futures.ProcessPoolExecutor(
        processes, context, _begin, (written, stop)
    ) as pool:
        try:
            return _follow(
                pool, _tasks(todo, raw, directory), 2 * processes, written, on_record
            )
        except concurrent.futures.process.BrokenProcessPool as error:
            raise RunError(
                "a process that wrote shards was killed, perhaps for want of memory: "
                "the same command goes on; --config.data.workers=1 needs the least"
            ) from error
        finally:
            stop.value = 1


def _tasks(todo: Sequence[Shard], raw: Raw, directory: str) -> Iterator[tuple]:
    """Yields the arguments of `_write`, each made only when it is asked for."""
    for index, shard in enumerate(todo):
        yield index, *shards.alone(shard, raw), directory


def _follow(
    pool: concurrent.futures.Executor,
    tasks: Iterator[tuple],
    at_once: int,
    written: Any,
    on_record: Callable[[int], Any],
) -> dict[str, str]:
    """Hands out the tasks, a few at a time, and reports records as they are written."""
    futures: list[concurrent.futures.Future] = []
    running: set[concurrent.futures.Future] = set()
    before = 0
    while True:
        for task in itertools.islice(tasks, at_once - len(running)):
            with child_processes.deaf_to_interrupts():
                futures.append(pool.submit(_write, *task))
            running.add(futures[-1])
        if not running:
            return {
                path: reason
                for future in futures
                for path, reason in future.result().items()
            }
        finished, running = concurrent.futures.wait(
            running, POLL_SECONDS, concurrent.futures.FIRST_COMPLETED
        )
        now = sum(written)
        if now > before:
            on_record(now - before)
        before = now
        for future in finished:
            future.result()  # raises what went wrong there


def _begin(written: Any, stop: Any) -> None:
    """Initialises a writing process."""
    global _written, _stop
    _written, _stop = written, stop
    child_processes.end_with_parent()


class _Stopped(Exception):
    """Raised in a writing process when the run failed elsewhere, or was stopped."""


def _write(index: int, shard: Shard, raw: Raw, directory: str) -> dict[str, str]:
    def on_record(count: int) -> None:
        if _stop.value:
            raise _Stopped
        _written[index] += count

    on_record(0)
    try:
        shards.write(shard, raw, directory, on_record=on_record)
    except shards.BadImages as error:
        return dict(error.images)
    return {}
