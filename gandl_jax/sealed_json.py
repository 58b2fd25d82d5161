"""JSON files that carry a digest of themselves: damage to one is noticed.

The digest is the SHA-256 of the content written with sorted keys and no blanks, under
the key "sha256" at the end. It covers what the file says, not how it is laid out.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from etils import epath

from gandl_jax import files

KEY = "sha256"
CHANGED = "it is not as it was written"  # said of content that its digest is not of
_told: set[str] = set()  # whether it was said that some files carry no digest


def write(path: epath.PathLike, content: Mapping[str, Any]) -> None:
    """Writes a file whole, with the digest of its content.

    Args:
      path: of the file; its folder must exist.
      content: plain data with text as keys, none of them `KEY`; a digest that it
        carries already, as from a file that was read otherwise, is made anew.
    """
    files.replace(path, json.dumps(sealed(content), indent=1) + "\n")


def read(path: epath.PathLike) -> dict[str, Any]:
    """Reads what was written, without the digest.

    A file that a former version wrote carries none: it is read, and one line says so.

    Raises:
      FileNotFoundError: there is none.
      ValueError: it is no JSON object, or not as it was written.
    """
    return unsealed(files.read_json(path), str(path))


def read_own(path: epath.PathLike) -> dict[str, Any]:
    """As `read`, but refuses what carries no digest: a former version made it.

    Raises:
      FileNotFoundError: there is none.
      ValueError: it is no JSON object, carries no digest, or is not as it was written.
    """
    content = files.read_json(path)
    if isinstance(content, dict) and KEY not in content:
        raise ValueError("it carries no digest")
    return unsealed(content, str(path))


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with its digest at the end."""
    bare = {key: value for key, value in content.items() if key != KEY}
    return bare | {KEY: digest(bare)}


def unsealed(content: Any, name: str) -> dict[str, Any]:
    """Holds content against its digest, and gives it without.

    Args:
      content: as parsed.
      name: of the file, for the line that says that it carries no digest.

    Raises:
      ValueError: it is no JSON object, or not as it was written.
    """
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    bare = {key: value for key, value in content.items() if key != KEY}
    if KEY not in content:
        _tell(name)
    elif content[KEY] != digest(bare):
        raise ValueError(CHANGED)
    return bare


def digest(content: Any) -> str:
    """SHA-256, in hex, of plain data, however it is laid out in a file."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _tell(name: str) -> None:
    """Says once that files are read which nothing can be held against."""
    if not _told:
        print(
            f"note: {name} carries no digest, for a former version wrote it: damage to "
            "it, or to others of that time, would not be noticed",
            flush=True,
        )
    _told.add(name)
