"""How far a task is, told to whoever listens: tasks print nothing themselves."""

import contextlib
import contextvars
import threading
from collections.abc import Iterator
from typing import Protocol


class Listener(Protocol):
    """Who is told."""

    def begin(self, total: int, unit: str) -> None:
        """So many units are to be done: "SVMs", "sets"."""

    def done(self, count: int) -> None:
        """So many more are done."""


_listening: contextvars.ContextVar[Listener | None] = contextvars.ContextVar(
    "listening", default=None
)
_counting: contextvars.ContextVar[Listener | None] = contextvars.ContextVar(
    "counting", default=None
)
_one_by_one = threading.Lock()


@contextlib.contextmanager
def told(listener: Listener) -> Iterator[None]:
    """Tells the listener of all that is counted within the block."""
    token = _listening.set(listener)
    try:
        yield
    finally:
        _listening.reset(token)


@contextlib.contextmanager
def counted(total: int, unit: str) -> Iterator[None]:
    """Counts units within the block, for it and for all that it calls.

    Args:
      total: how many there are.
      unit: their name in the plural.
    """
    listener = _listening.get()
    if listener:
        listener.begin(total, unit)
    token = _counting.set(listener)
    try:
        yield
    finally:
        _counting.reset(token)


def add(count: int = 1) -> None:
    """Tells that so many more units are done; nothing outside of a count."""
    listener = _counting.get()
    if listener:
        with _one_by_one:
            listener.done(count)
