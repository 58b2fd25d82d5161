"""What the cores could convert at best: decode, re-encode and write, nothing else."""

import dataclasses
import multiprocessing
import os
import time
from typing import Any

from gandl_jax.datasets import shards
from gandl_jax.datasets.host_tensorflow import tf
from gandl_jax.datasets.shards import Raw


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
      processes: one per core.
    """
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(processes), context.SimpleQueue()
    parts = [range(i, len(raw.metadata), processes) for i in range(processes)]
    started = [
        context.Process(target=_write, args=(raw, list(part), path, barrier, queue))
        for i, part in enumerate(parts)
        for path in [os.path.join(directory, f"limit-{i}")]
    ]
    for process in started:
        process.start()
    times = [queue.get() for _ in started]
    for process in started:
        process.join()
    begun, ended, computed = zip(*times, strict=True)
    sites = len(raw.metadata)
    return Limit(sites / (max(ended) - min(begun)), sum(computed) / sites)


def _write(raw: Raw, rows: list[int], path: str, barrier: Any, queue: Any) -> None:
    """Converts these rows, from the moment that all processes have started."""
    files = [
        raw.screen.image_paths(row)
        for row in raw.metadata.iloc[rows].to_dict("records")
    ]
    _pngs(raw, files[0][0])  # TensorFlow makes itself ready at the first image
    barrier.wait()
    begun, computed = time.time(), time.process_time()
    with tf.io.TFRecordWriter(path) as writer:
        for record in files:
            for file in record:
                for png in _pngs(raw, file):
                    writer.write(png)
    queue.put((begun, time.time(), time.process_time() - computed))


def _pngs(raw: Raw, file: str) -> list[bytes]:
    data = raw.source.read(file)
    return [png for png, _ in shards.grey_pngs(data, raw.image_format, raw.reduction)]
