"""Progress of a task, reported to a listener: tasks print nothing themselves."""

import contextlib
import contextvars
import threading
from collections.abc import Iterator
from typing import Protocol


class Listener(Protocol):
    """Receiver of progress."""

    def begin(self, total: int, unit: str) -> None:
        """Begins a count of `total` units: "SVMs", "sets"."""

    def done(self, count: int) -> None:
        """Adds finished units to the count."""


_listening: contextvars.ContextVar[Listener | None] = contextvars.ContextVar(
    "listening", default=None
)
_counting: contextvars.ContextVar[Listener | None] = contextvars.ContextVar(
    "counting", default=None
)
_lock = threading.Lock()


@contextlib.contextmanager
def reported_to(listener: Listener) -> Iterator[None]:
    """Reports all counts within the block to the listener."""
    token = _listening.set(listener)
    try:
        yield
    finally:
        _listening.reset(token)


@contextlib.contextmanager
def counted(total: int, unit: str) -> Iterator[None]:
    """Counts units within the block, for it and for all that it calls.

    Args:
      total: number of units.
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
    """Counts units as finished; does nothing outside of a count."""
    listener = _counting.get()
    if listener:
        with _lock:
            listener.done(count)
