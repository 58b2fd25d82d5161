"""Measures images in several processes at once, in the order in which they come."""

import collections
import concurrent.futures
import contextlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from gandl_jax import child_processes
from gandl_jax.classical import measurements
from gandl_jax.errors import RunError

AHEAD = 4  # images that wait for each process

Rows = Iterator[tuple[int, np.ndarray]]
Images = Iterable[tuple[int, np.ndarray]]


@contextlib.contextmanager
def measuring(
    processes: int, channels: tuple[str, ...], nuclei: str
) -> Iterator[Callable[[Images], Rows]]:
    """Gives a function of (record, image [H, W, C]) to (record, [D] float64), in order.

    An image's measurements do not depend on the process.

    Args:
      processes: 1 measures in this process.
      channels: as for `measurements.measure`.
      nuclei: the same.

    Raises:
      RunError: a process was killed.
    """
    if processes == 1:
        yield lambda images: (
            (record, measurements.measure(image, channels, nuclei))
            for record, image in images
        )
        return
    pool = concurrent.futures.ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),  # this one may hold threads of jax
        child_processes.end_with_parent,
    )
    try:
        yield lambda images: _measured(pool, processes, images, channels, nuclei)
    except concurrent.futures.process.BrokenProcessPool as error:
        raise RunError(
            "a process that measured images was killed, perhaps for want of memory: "
            "the same command goes on; --config.embed.workers=1 needs the least"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _measured(pool, processes: int, images: Images, channels, nuclei) -> Rows:
    waiting: collections.deque = collections.deque()
    for record, image in images:
        with child_processes.deaf_to_interrupts():
            future = pool.submit(measurements.measure, image, channels, nuclei)
        waiting.append((record, future))
        if len(waiting) > AHEAD * processes:
            yield _first(waiting)
    while waiting:
        yield _first(waiting)


def _first(waiting: collections.deque) -> tuple[int, np.ndarray]:
    record, future = waiting.popleft()
    return record, future.result()
