"""Opening of regular files only, and of none larger than fits the memory.

Opening a named pipe or a terminal may wait for ever, and a device may never end. Paths
of `gs://` are objects, which `files` opens.
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
    """A path that is no regular file; the message says what it is.

    It is an InputError, and an OSError for code that skips unreadable files.
    """


def check(path: str | os.PathLike) -> None:
    """Refuses a path that is no regular file, without opening it; it may be missing.

    Args:
      path: on a disk; links are followed.

    Raises:
      NoFile: it is a pipe, a socket, a device, a folder, or a link to no file.
    """
    if description := other_kind(path):
        raise _refusal(path, description)


def other_kind(path: str | os.PathLike) -> str | None:
    """Describes a path that is no regular file; None if it is one, or missing."""
    try:
        return _kind(os.stat(path))
    except OSError as error:  # opening it will raise other errors
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
        return "a link to nothing" if os.path.islink(path) else None


def open_to_read(path: str | os.PathLike) -> BinaryIO:
    """Opens a regular file, and never waits for others, even if swapped just now.

    Args:
      path: on a disk; links are followed.

    Raises:
      NoFile: as `check`.
      OSError: the file is missing, or may not be read.
    """
    check(path)  # opening a device may have effects
    opened = open(path, "rb", opener=_open_without_waiting)
    if description := _kind(os.fstat(opened.fileno())):
        opened.close()
        raise _refusal(path, description)
    return opened


def check_size(path: str | os.PathLike, found_bytes: int, most_bytes: int) -> None:
    """Refuses a file that is too large to be read whole.

    Raises:
      NoFile: names both sizes.
    """
    if found_bytes > most_bytes:
        raise NoFile(
            f"{os.fspath(path)} has {found_bytes:,} bytes, and {most_bytes:,} are the "
            "most of such a file: put the right one in its place"
        )


def _open_without_waiting(path: str, flags: int) -> int:
    """Opens without waiting for pipes, and without taking a terminal."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _kind(status: os.stat_result) -> str | None:
    """Describes an entry that is no regular file; None if it is one."""
    if stat.S_ISREG(status.st_mode):
        return None
    return _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")


def _refusal(path: str | os.PathLike, description: str) -> NoFile:
    return NoFile(
        f"{os.fspath(path)} is {description}, and only regular files are read: put a "
        "file in its place, or name another"
    )
