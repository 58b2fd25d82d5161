"""Processes of our own, and the Ctrl-C that a terminal sends to all of them at once."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from multiprocessing import resource_tracker

_LOKY = "joblib.externals.loky.backend.resource_tracker"


@contextlib.contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Processes that are started within never hear of Ctrl-C, not while they import.

    Whoever starts them hears of it and ends them; they would print tracebacks.
    """
    # Each starts a process before the first of ours, and lets Ctrl-C through after it.
    for tracker in (resource_tracker, sys.modules.get(_LOKY)):
        if tracker:
            tracker.ensure_running()
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # is inherited
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
