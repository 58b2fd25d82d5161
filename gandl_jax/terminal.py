"""What is printed: it cannot steer the terminal, and failing to show it ends no job."""

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

MOST_CHARACTERS = 2_000  # of an error's line
_ENDS = 600  # of them, at its end, where it says what to do
# Control characters but for tab and line breaks, what turns the direction of writing,
# and what stands for bytes of a file's name that are no text.
_STEERING = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e"
_STEERING += r"\u2066-\u2069\ud800-\udfff"
_IN_TEXT, _IN_A_LINE = re.compile(f"[{_STEERING}]"), re.compile(rf"[{_STEERING}\r\n]")


def printable(text: str) -> str:
    """Text whose control characters are shown as Python writes them; lines stay."""
    return _IN_TEXT.sub(_escaped, text)


def one_line(said: object) -> str:
    """The same of an error, without line breaks and of MOST_CHARACTERS at most."""
    line = str(said)
    if len(line) > MOST_CHARACTERS:
        line = f"{line[: MOST_CHARACTERS - _ENDS]} [...] {line[-_ENDS:]}"
    return _IN_A_LINE.sub(_escaped, line)


def _escaped(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


class _Unfailing:
    """A stream that writes `printable` text to another.

    What is only told ends no job: letters that the other's encoding lacks are written
    as Python escapes them, and what it does not take (its terminal, its reader or its
    disk's room is gone) is dropped.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        shown = _encodable(printable(text), getattr(self._stream, "encoding", None))
        with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
            self._stream.write(shown)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return self._stream.isatty()
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _encodable(text: str, encoding: str | None) -> str:
    name = encoding or "utf-8"
    return text.encode(name, "backslashreplace").decode(name)


@contextlib.contextmanager
def printing_safely() -> Iterator[None]:
    """Makes all that is printed `printable`, and lets none of it end the program."""
    _open_standard_files()
    streams = sys.stdout, sys.stderr
    try:
        with (
            open(os.devnull, "w", encoding="utf-8") as nowhere,
            contextlib.redirect_stdout(_Unfailing(sys.stdout or nowhere)),
            contextlib.redirect_stderr(_Unfailing(sys.stderr or nowhere)),
        ):
            yield
    finally:
        for stream in filter(None, streams):
            _empty(stream)


def restart_in_utf8() -> None:
    """Starts the program anew where the locale would have files' names otherwise.

    Disks have them in UTF-8; in an old locale, `LC_ALL=C` with `PYTHONUTF8=0` say, a
    folder `Ü` would be missing. What is printed keeps the locale's encoding.
    """
    if sys.getfilesystemencoding() == "utf-8" or os.environ.get("PYTHONUTF8") == "1":
        return
    os.environ["PYTHONUTF8"] = "1"
    os.environ.setdefault("PYTHONIOENCODING", getattr(sys.stdout, "encoding", "utf-8"))
    os.execv(sys.executable, sys.orig_argv)


def flush() -> None:
    """Writes what was printed and waits in memory, where that can be written."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        _empty(stream)


def _open_standard_files() -> None:
    """Opens the null device as each of the files 0, 1 and 2 that is closed.

    Otherwise the next file that is opened gets that number, and what C++ code prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(number, True)


def _empty(stream: TextIO) -> None:
    """Flushes a stream; one that cannot be leads to the null device from here on.

    Python flushes once more as it ends, and exits with 120 where that fails.
    """
    try:
        stream.flush()
    except (OSError, ValueError):
        no_file = OSError, ValueError, AttributeError  # of a stream that is none
        with contextlib.suppress(*no_file), open(os.devnull, "w") as null:
            os.dup2(null.fileno(), stream.fileno())
