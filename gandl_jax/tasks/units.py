"""Units of work: pure functions of arrays, computed here or by whoever helps.

Tasks know nothing of the helpers; a job says within which block there are some.
"""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from gandl_jax.tasks import steps, threads


class Helpers(Protocol):
    """Who computes units elsewhere."""

    def each(
        self,
        fn: Callable[..., Any],
        common: Sequence[Any],
        items: Sequence[Any],
        done: Callable[[Any], None],
    ) -> list[Any]:
        """What `fn(*common, item)` gives, in order; `done` hears of each at once."""


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
    """Whether units are computed elsewhere."""
    return _helping.get() is not None


def each(
    fn: Callable[..., Any],
    common: Sequence[Any],
    items: Iterable[Any],
    *,
    most: int | None = None,
) -> list[Any]:
    """Calls `fn(*common, item)` for each item: what it gives is the same anywhere.

    Args:
      fn: a function of a module. It changes no argument; steps that it counts are
        counted.
      common: what all calls have in common; large arrays are sent once.
      items: of the calls.
      most: calls at a time on this machine, where memory allows no more.

    Returns:
      What it gave, in the items' order.
    """
    helpers = _helping.get()
    if helpers is None:
        return threads.each(functools.partial(fn, *common), items, most=most)
    apart = functools.partial(_apart, fn)
    found = helpers.each(
        apart, common, list(items), done=lambda result: steps.add(result[1])
    )
    return [result for result, _ in found]


def _apart(fn: Callable[..., Any], *arguments: Any) -> tuple[Any, int]:
    """What a function gives, in this thread alone, and how many steps it counted."""
    count = _Count()
    with threads.on_one_core(), steps.told(count), steps.counted(0, ""):
        return fn(*arguments), count.total


class _Count:
    """Adds up steps."""

    total = 0

    def begin(self, total: int, unit: str) -> None:
        """Nothing is to be told of it here."""

    def done(self, count: int) -> None:
        """Counts on."""
        self.total += count
