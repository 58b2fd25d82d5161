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
      fn: is called in a thread, with linear algebra on one core.
      items: of the calls.

    Returns:
      What it gave, in the items' order.
    """
    items = list(items)
    count = min(cpu_count(), len(items))
    if count < 2:
        return [fn(item) for item in items]
    with (
        threadpool_limits(1, "blas"),
        concurrent.futures.ThreadPoolExecutor(count) as pool,
    ):
        due = [pool.submit(contextvars.copy_context().run, fn, item) for item in items]
        try:
            return [one.result() for one in due]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
