"""Safe printing: it cannot steer the terminal, and its failure ends no job."""

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

MOST_CHARACTERS = 2_000  # of an error's line
_ENDS = 600  # of them at its end, which has the remedy
# Control characters except tab and line breaks, marks of writing direction, and
# surrogates of bytes in file names that are no text.
_STEERING = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e"
_STEERING += r"\u2066-\u2069\ud800-\udfff"
_IN_TEXT, _IN_A_LINE = re.compile(f"[{_STEERING}]"), re.compile(rf"[{_STEERING}\r\n]")


def printable(text: str) -> str:
    """Escapes control characters as Python does; line breaks stay."""
    return _IN_TEXT.sub(_escaped, text)


def one_line(error: object) -> str:
    """Escapes an error to one line of MOST_CHARACTERS at most."""
    line = str(error)
    if len(line) > MOST_CHARACTERS:
        line = f"{line[: MOST_CHARACTERS - _ENDS]} [...] {line[-_ENDS:]}"
    return _IN_A_LINE.sub(_escaped, line)


def _escaped(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


class _Unfailing:
    """A stream that writes `printable` text to another.

    Printing ends no job: characters that the other's encoding lacks are escaped, and
    text that it does not take (its terminal, its reader or its disk's room is gone) is
    dropped.
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
    """Makes printed text `printable`, and keeps failures from ending the program."""
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
    """Restarts the program if the locale's encoding of file names is not UTF-8.

    Disks have them in UTF-8; in an old locale, such as `LC_ALL=C` with `PYTHONUTF8=0`,
    a folder `Ü` would be missing. Printed text keeps the locale's encoding.
    """
    if sys.getfilesystemencoding() == "utf-8" or os.environ.get("PYTHONUTF8") == "1":
        return
    os.environ["PYTHONUTF8"] = "1"
    os.environ.setdefault("PYTHONIOENCODING", getattr(sys.stdout, "encoding", "utf-8"))
    os.execv(sys.executable, sys.orig_argv)


def flush() -> None:
    """Flushes printed text, if that is possible."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        _empty(stream)


def _open_standard_files() -> None:
    """Opens the null device for each closed file of 0, 1 and 2.

    Otherwise the next opened file gets that number, and the output of C++ code.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number, this one
            os.set_inheritable(number, True)


def _empty(stream: TextIO) -> None:
    """Flushes a stream; redirects it to the null device if that fails.

    Python flushes again at its end, and exits with 120 if that fails.
    """
    try:
        stream.flush()
    except (OSError, ValueError):
        no_file = OSError, ValueError, AttributeError  # of a stream that is none
        with contextlib.suppress(*no_file), open(os.devnull, "w") as null:
            os.dup2(null.fileno(), stream.fileno())
