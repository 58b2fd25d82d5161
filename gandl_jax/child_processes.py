"""Processes of our own, and the Ctrl-C that a terminal sends to all of them at once."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Processes that are started within never hear of Ctrl-C, not while they import.

    Whoever starts them hears of it and ends them; they would print tracebacks.
    """
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # is inherited
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
