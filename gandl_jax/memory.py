"""Memory of this process: its peak, and return of freed memory."""

import contextlib
import ctypes
import math
import resource
import time

EVERY_S = 60.0  # least time between two calls of malloc_trim, which take 0.1 s

_given_back = -math.inf


def give_back() -> None:
    """Returns freed memory to the system, of which glibc keeps more and more.

    It may be called often: it acts once a minute.
    """
    global _given_back
    if time.monotonic() - _given_back < EVERY_S:
        return
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
    _given_back = time.monotonic()


def peak_bytes() -> int:
    """Returns the peak of this process's resident memory, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
