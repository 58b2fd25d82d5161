"""Parallel calls in threads: NumPy lets other threads run while it computes."""

import concurrent.futures
import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from joblib import cpu_count
from threadpoolctl import threadpool_limits

_has_one_core: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "has_one_core", default=False
)


def each(
    fn: Callable[[Any], Any], items: Iterable[Any], *, most: int | None = None
) -> list[Any]:
    """Calls `fn` on each item, on as many cores as there are.

    Args:
      fn: is called in a thread, with linear algebra on one core: its own threads
        would wait for one another in a busy loop.
      items: of the calls.
      most: largest number of calls at a time, if memory is limited.

    Returns:
      The results, in the items' order.
    """
    items = list(items)
    cores = 1 if _has_one_core.get() else cpu_count()
    count = min(cores, len(items), most or len(items))
    with _linear_algebra.on_one_core():
        return _in_threads(fn, items, count) if count > 1 else list(map(fn, items))


@contextlib.contextmanager
def on_one_core() -> Iterator[None]:
    """Keeps all calls within the block in this thread."""
    token = _has_one_core.set(True)
    try:
        with _linear_algebra.on_one_core():
            yield
    finally:
        _has_one_core.reset(token)


def _in_threads(fn, items: list[Any], count: int) -> list[Any]:
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        futures = [
            pool.submit(contextvars.copy_context().run, fn, item) for item in items
        ]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class _LinearAlgebra:
    """Thread limit of linear algebra for the whole process; the last user resets it."""

    def __init__(self):
        self._lock, self._inside, self._limits = threading.Lock(), 0, None

    @contextlib.contextmanager
    def on_one_core(self) -> Iterator[None]:
        """Keeps it on one core until the last of such blocks is left."""
        with self._lock:
            if not self._inside:
                self._limits = threadpool_limits(1, "blas")
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._limits.restore_original_limits()


_linear_algebra = _LinearAlgebra()
