"""Child processes, and the Ctrl-C that a terminal sends to all of them at once."""

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
    """Shields processes that are started within from Ctrl-C, from their start on.

    The parent gets it and ends them; they would only print tracebacks.
    """
    # Each starts a process before ours, and unblocks Ctrl-C afterwards.
    for tracker in (resource_tracker, sys.modules.get(_LOKY)):
        if tracker:
            tracker.ensure_running()
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def dies_with_parent() -> Callable[[], None] | None:
    """Returns a child's first call, by which it is killed when its parent dies.

    It works for kill -9 too, on Linux only; None elsewhere.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end_with_parent() -> None:
    """Ends a pool's process, which calls this first, when its parent ends or is killed.

    Processes of a killed run must not write beside those of the next run.
    """
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
