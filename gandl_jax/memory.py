"""This process's memory: the most that it held, and what was freed."""

import contextlib
import ctypes
import math
import resource
import time

EVERY_S = 60.0  # it takes 0.1 s

_given_back = -math.inf


def give_back() -> None:
    """Gives the system what was freed, of which glibc keeps more and more.

    To be called often: it does so once a minute.
    """
    global _given_back
    if time.monotonic() - _given_back < EVERY_S:
        return
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
    _given_back = time.monotonic()


def peak_bytes() -> int:
    """The most resident memory that this process has held, whatever it did."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
