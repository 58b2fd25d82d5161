"""Files with one JSON object per line, each with a digest, so that damage is noticed.

The digest is that of `sealed_json`, in the line. Lines of former versions have none:
they are accepted before the first line that has one.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from etils import epath

from gandl_jax import files, sealed_json


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a file.

    Attributes:
      number: of the line, from 1.
      text: in the file, without its line end.
      content: the object without its digest; None if the line is damaged.
    """

    number: int
    text: bytes
    content: dict[str, Any] | None


def append(path: epath.PathLike, content: Mapping[str, Any]) -> None:
    """Appends a line; removes half a line that a killed process left.

    Args:
      path: of the file, which is made if needed.
      content: plain data.
    """
    path = epath.Path(path)
    _drop_half(path)
    # Objects of gs:// cannot be appended to: all is read and written again.
    with path.open("a") as file:
        file.write(json.dumps(sealed_json.sealed(content)) + "\n")


def read(
    path: epath.PathLike, is_right: Callable[[dict[str, Any]], bool]
) -> list[Line]:
    """Reads all lines, without half a last one that a killed process left.

    Args:
      path: of the file; a missing one has no lines.
      is_right: tells whether an object belongs in this file.

    Returns:
      The lines in the order of the file, damaged ones too.
    """
    path, lines, are_sealed = epath.Path(path), [], False
    texts = files.read_bytes(path).splitlines(keepends=True) if path.exists() else []
    if texts and _is_half(texts[-1]):
        texts.pop()
    for number, text in enumerate(texts, 1):
        content = _parsed(text, path, must_be_sealed=are_sealed)
        are_sealed = are_sealed or content is not None and b'"sha256"' in text
        if content is not None and not is_right(content):
            content = None
        lines.append(Line(number, text.rstrip(b"\r\n"), content))
    return lines


def damaged(
    path: epath.PathLike, is_right: Callable[[dict[str, Any]], bool]
) -> list[int]:
    """Returns the numbers of damaged lines, from 1."""
    return [line.number for line in read(path, is_right) if line.content is None]


def ends_in_half(path: epath.PathLike) -> bool:
    """Whether the last line was cut off while it was written."""
    path = epath.Path(path)
    data = files.read_bytes(path) if path.exists() else b""
    return bool(data) and _is_half(data.splitlines(keepends=True)[-1])


def describe_damage(numbers: list[int]) -> str:
    """Describes damaged lines: "line 7 is damaged"."""
    listed = ", ".join(map(str, numbers[:10])) + (" ..." if len(numbers) > 10 else "")
    return (
        f"lines {listed} are damaged"
        if len(numbers) > 1
        else (f"line {listed} is damaged")
    )


def _parsed(
    text: bytes, path: epath.Path, *, must_be_sealed: bool
) -> dict[str, Any] | None:
    try:
        content = files.parse_json(text)
        if must_be_sealed and sealed_json.KEY not in content:
            raise ValueError("it carries no digest, as others before it do")
        return sealed_json.unsealed(content, str(path))
    except (ValueError, TypeError):
        return None


def _is_half(text: bytes) -> bool:
    """Whether a line is cut off: it has no end, and begins with no whole object."""
    if text.endswith((b"\n", b"\r")):
        return False
    try:
        json.JSONDecoder().raw_decode(text.decode(errors="replace"))
    except (ValueError, RecursionError):
        return True
    return False


def _drop_half(path: epath.Path) -> None:
    if not path.exists() or _ends_well(path):
        return
    *whole, last = files.read_bytes(path).splitlines(keepends=True)
    kept = b"" if _is_half(last) else last + b"\n"
    files.replace(path, b"".join(whole) + kept)


def _ends_well(path: epath.Path) -> bool:
    with files.reading(path) as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
