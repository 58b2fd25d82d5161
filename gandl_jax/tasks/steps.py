"""How far a task is, told to whoever listens: tasks print nothing themselves."""

import contextlib
import contextvars
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")


class Listener(Protocol):
    """Who is told."""

    def begin(self, total: int, unit: str) -> None:
        """So many units are to be done: "SVMs", "sets"."""

    def done(self, count: int) -> None:
        """So many more are done."""


_heard: contextvars.ContextVar[Listener | None] = contextvars.ContextVar(
    "steps", default=None
)


@contextlib.contextmanager
def told(listener: Listener) -> Iterator[None]:
    """Tells the listener of all that is done within the block."""
    token = _heard.set(listener)
    try:
        yield
    finally:
        _heard.reset(token)


@contextlib.contextmanager
def counted(total: int, unit: str) -> Iterator[None]:
    """Counts to a total within the block, unless a count is going on already.

    Args:
      total: units.
      unit: their name in the plural.
    """
    listener = _heard.get()
    if listener is None or isinstance(listener, _Count):
        yield
        return
    listener.begin(total, unit)
    token = _heard.set(_Count(listener))
    try:
        yield
    finally:
        _heard.reset(token)


def add(count: int = 1) -> None:
    """Tells that so many more units are done; nothing outside of a count."""
    listener = _heard.get()
    if isinstance(listener, _Count):
        listener.done(count)
