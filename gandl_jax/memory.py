"""Memory that was freed."""

import contextlib
import ctypes


def give_back() -> None:
    """Gives the system what was freed, of which glibc keeps more and more."""
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
