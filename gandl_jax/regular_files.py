"""Regular files alone are opened to be read, and none larger than fits the memory.

A named pipe or a terminal is waited for without end, and a device may never end. Paths
of `gs://` are of objects, which are none of these: `files` opens them.
"""

import errno
import os
import stat
from typing import BinaryIO

from gandl_jax.errors import InputError

MOST_BYTES = 2**30  # of a file that is read whole (ours)
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


class NoFile(InputError, OSError):
    """What lies in place of a file; says what it is.

    It is the user's to mend, and to whoever passes over a file that the disk does not
    give, such a file.
    """


def check(path: str | os.PathLike) -> None:
    """Refuses what is no regular file, without opening it; nothing at all may be there.

    Args:
      path: on a disk; links are followed.

    Raises:
      NoFile: it is a pipe, a socket, a device, a folder, or a link to no file.
    """
    if kind := other_kind(path):
        raise _refusal(path, kind)


def other_kind(path: str | os.PathLike) -> str | None:
    """What a path is in place of a regular file; None where it is one, or nothing."""
    try:
        return _kind(os.stat(path))
    except OSError as error:  # whoever opens it says what else is wrong
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
        return "a link to nothing" if os.path.islink(path) else None


def open_to_read(path: str | os.PathLike) -> BinaryIO:
    """Opens a regular file, and never waits for another kind, put there just now too.

    Args:
      path: on a disk; links are followed.

    Raises:
      NoFile: as `check`.
      OSError: there is none, or it may not be read.
    """
    check(path)  # to open a device may do something
    opened = open(path, "rb", opener=_open_without_waiting)
    if kind := _kind(os.fstat(opened.fileno())):
        opened.close()
        raise _refusal(path, kind)
    return opened


def check_size(path: str | os.PathLike, found_bytes: int, most_bytes: int) -> None:
    """Refuses a file that is to be read whole, and is too large for that.

    Raises:
      NoFile: naming both sizes.
    """
    if found_bytes > most_bytes:
        raise NoFile(
            f"{os.fspath(path)} has {found_bytes:,} bytes, and {most_bytes:,} are the "
            "most of such a file: put the right one in its place"
        )


def _open_without_waiting(path: str, flags: int) -> int:
    """Opens a pipe too at once, and makes no terminal the program's own."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _kind(found: os.stat_result) -> str | None:
    """What a path is in place of a regular file; None where it is one."""
    if stat.S_ISREG(found.st_mode):
        return None
    return _KINDS.get(stat.S_IFMT(found.st_mode), "no regular file")


def _refusal(path: str | os.PathLike, kind: str) -> NoFile:
    return NoFile(
        f"{os.fspath(path)} is {kind}, and only regular files are read: put a file in "
        "its place, or name another"
    )
