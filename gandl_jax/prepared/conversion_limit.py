"""What the cores could convert at best: decode, re-encode and write, nothing else."""

import concurrent.futures
import dataclasses
import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from gandl_jax.errors import InputError, RunError
from gandl_jax.host_tensorflow import tf
from gandl_jax.prepared import shards
from gandl_jax.prepared.shards import Raw
from gandl_jax.raw.image_files import Unreadable

_barrier: Any = None  # in a process that writes: where it waits for the others


@dataclasses.dataclass(frozen=True)
class Limit:
    """What was reached, and what it took of the cores."""

    sites_per_second: float
    cpu_seconds_per_site: float


def measure(raw: Raw, directory: str, *, processes: int) -> Limit:
    """The limit by processes that share nothing and do only what must be done.

    Args:
      raw: a raw screen.
      directory: exists; each process writes one file there.
      processes: one per core; no more are started than there are records.

    Raises:
      InputError: an image that does not decode; names it.
      RunError: the source is gone, or a process was killed.
    """
    records = len(raw.metadata)
    processes = min(processes, records)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        processes, context, _begin, (context.Barrier(processes),)
    ) as pool:
        # Each process takes one part: it waits there until all the others have theirs.
        running = [
            pool.submit(
                _write,
                raw,
                list(range(i, records, processes)),
                os.path.join(directory, f"limit-{i}"),
            )
            for i in range(processes)
        ]
        begun, ended, computed = zip(*_results(running), strict=True)
    return Limit(records / (max(ended) - min(begun)), sum(computed) / records)


def _results(
    running: Sequence[concurrent.futures.Future],
) -> list[tuple[float, float, float]]:
    """What all return; raises what went wrong first, not that others gave up for it."""
    errors = [one.exception() for one in running]
    for error in errors:
        if isinstance(error, concurrent.futures.process.BrokenProcessPool):
            raise RunError(
                "a process of the benchmark was killed, perhaps for want of memory"
            ) from error
        if error and not isinstance(error, threading.BrokenBarrierError):
            raise error
    return [one.result() for one in running]


def _begin(barrier: Any) -> None:
    """Prepares a process that writes."""
    global _barrier
    _barrier = barrier


def _write(raw: Raw, rows: list[int], path: str) -> tuple[float, float, float]:
    """Converts these rows, from the moment that all processes have started.

    Returns:
      When it began and ended, and how long it computed, in seconds.
    """
    files = [
        raw.screen.image_paths(row)
        for row in raw.metadata.iloc[rows].to_dict("records")
    ]
    try:
        _pngs(raw, files[0][0])  # TensorFlow makes itself ready at the first image
        _barrier.wait()
    except BaseException:
        _barrier.abort()  # else the others would wait for ever
        raise
    begun, computed = time.time(), time.process_time()
    with tf.io.TFRecordWriter(path) as writer:
        for record in files:
            for file in record:
                for png in _pngs(raw, file):
                    writer.write(png)
    return begun, time.time(), time.process_time() - computed


def read(raw: Raw, file: str) -> bytes | np.ndarray:
    """Reads an image: the bytes of its file, or of a plate its pixels.

    Raises:
      InputError: it is in an archive and damaged; names it.
      RunError: it is there no more.
    """
    try:
        return raw.source.read_image(file, raw.image_format.most_bytes)
    except Unreadable as error:
        raise _unusable(raw, file, error) from error


def _pngs(raw: Raw, file: str) -> list[bytes]:
    data = read(raw, file)
    try:
        found = shards.grey_pngs(data, raw.image_format, raw.reduction)
    except Unreadable as error:
        raise _unusable(raw, file, error) from error
    return [png for png, _ in found]


def _unusable(raw: Raw, file: str, error: Unreadable) -> InputError:
    path = os.path.join(raw.source.source_dir, raw.source.spellings.actual(file))
    return InputError(
        f"{path} cannot be used ({error}): replace it; --job=prepare names all such"
    )
