"""What is printed may quote names that others gave: none can steer the terminal."""

import contextlib
import re
import sys
from collections.abc import Iterator
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


class _Printable:
    """A stream that writes `printable` text to another."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(printable(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def printing_plainly() -> Iterator[None]:
    """Makes all that is printed `printable`."""
    with (
        contextlib.redirect_stdout(_Printable(sys.stdout)),
        contextlib.redirect_stderr(_Printable(sys.stderr)),
    ):
        yield
