"""Many jobs at once, in threads: NumPy lets others run while it computes."""

import concurrent.futures
import contextvars
from collections.abc import Callable, Iterable
from typing import Any

from joblib import cpu_count
from threadpoolctl import threadpool_limits


def each(fn: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Calls `fn` on each item, on as many cores as there are.

    Args:
      fn: is called in a thread, with linear algebra on one core: its own threads
        would wait for one another in a busy loop.
      items: of the calls.

    Returns:
      What it gave, in the items' order.
    """
    items = list(items)
    count = min(cpu_count(), len(items))
    with threadpool_limits(1, "blas"):
        return _in_threads(fn, items, count) if count > 1 else list(map(fn, items))


def _in_threads(fn, items: list[Any], count: int) -> list[Any]:
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        due = [pool.submit(contextvars.copy_context().run, fn, item) for item in items]
        try:
            return [one.result() for one in due]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
