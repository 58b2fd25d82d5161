"""Units of work: pure functions of arrays, computed here or by helpers.

Tasks do not depend on the helpers; a job hands units to them within a block.
"""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from gandl_jax.tasks import steps, threads


class Helpers(Protocol):
    """Other processes that compute units."""

    def each(
        self,
        fn: Callable[..., Any],
        common: Sequence[Any],
        items: Sequence[Any],
        done: Callable[[Any], None],
    ) -> list[Any]:
        """Returns `fn(*common, item)` of all items in order; calls `done` with each."""


_helping: contextvars.ContextVar[Helpers | None] = contextvars.ContextVar(
    "helping", default=None
)


@contextlib.contextmanager
def handed_to(helpers: Helpers | None) -> Iterator[None]:
    """Hands all units within the block to helpers; None computes them here."""
    token = _helping.set(helpers)
    try:
        yield
    finally:
        _helping.reset(token)


def are_handed_out() -> bool:
    """Tells whether units are computed elsewhere."""
    return _helping.get() is not None


def each(
    fn: Callable[..., Any],
    common: Sequence[Any],
    items: Iterable[Any],
    *,
    most: int | None = None,
) -> list[Any]:
    """Calls `fn(*common, item)` for each item; the results are the same anywhere.

    Args:
      fn: a function of a module, which changes no argument; its steps are counted.
      common: arguments that all calls have in common; large arrays are sent once.
      items: of the calls.
      most: largest number of calls at a time on this machine, if memory is limited.

    Returns:
      The results, in the items' order.
    """
    helpers = _helping.get()
    if helpers is None:
        return threads.each(functools.partial(fn, *common), items, most=most)
    isolated = functools.partial(_isolated, fn)
    results = helpers.each(
        isolated, common, list(items), done=lambda result: steps.add(result[1])
    )
    return [result for result, _ in results]


def _isolated(fn: Callable[..., Any], *arguments: Any) -> tuple[Any, int]:
    """Returns a result, computed in this thread alone, and its number of steps."""
    count = _Count()
    with threads.on_one_core(), steps.reported_to(count), steps.counted(0, ""):
        return fn(*arguments), count.total


class _Count:
    """Counts steps."""

    total = 0

    def begin(self, total: int, unit: str) -> None:
        """Ignores the begin of a count."""

    def done(self, count: int) -> None:
        """Adds finished steps."""
        self.total += count
