"""Processes of our own, and the Ctrl-C that a terminal sends to all of them at once."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker

PR_SET_PDEATHSIG = 1  # of prctl (linux/prctl.h)
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


def dies_with_parent() -> Callable[[], None] | None:
    """What a child runs first, to be killed when its parent dies, kill -9 included.

    Linux alone can do so; None elsewhere.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end_with_parent() -> None:
    """What a process of a pool runs first, to end when its parent does, killed or not.

    What a killed run leaves behind must not write beside the next one.
    """
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
