"""JSON files with a digest of their content, so that damage is noticed.

The digest is the SHA-256 of the content written with sorted keys and no blanks, under
the key "sha256" at the end. It covers the content, not the layout.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from etils import epath

from gandl_jax import files

KEY = "sha256"
CHANGED = "it is not as it was written"  # of content that does not fit its digest
_reported: set[str] = set()  # files that were reported to have no digest


def write(path: epath.PathLike, content: Mapping[str, Any]) -> None:
    """Writes a file whole, with the digest of its content.

    Args:
      path: of the file; its folder must exist.
      content: plain data with text as keys. A digest that it has already, as from a
        file that was read otherwise, is replaced.
    """
    files.replace(path, json.dumps(sealed(content), indent=1) + "\n")


def read(path: epath.PathLike) -> dict[str, Any]:
    """Reads a file, without the digest.

    A former version's file has no digest: it is read, with a line.

    Raises:
      FileNotFoundError: the file is missing.
      ValueError: it is no JSON object, or not as it was written.
    """
    return unsealed(files.read_json(path), str(path))


def read_own(path: epath.PathLike) -> dict[str, Any]:
    """Reads a file as `read` does, but refuses one without a digest.

    Raises:
      FileNotFoundError: the file is missing.
      ValueError: it is no JSON object, carries no digest, or is not as it was written.
    """
    content = files.read_json(path)
    if isinstance(content, dict) and KEY not in content:
        raise ValueError("it carries no digest")
    return unsealed(content, str(path))


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the content with its digest at the end."""
    bare = {key: value for key, value in content.items() if key != KEY}
    return bare | {KEY: digest(bare)}


def unsealed(content: Any, name: str) -> dict[str, Any]:
    """Checks content against its digest, and returns it without.

    Args:
      content: as parsed.
      name: of the file, for the line about a missing digest.

    Raises:
      ValueError: it is no JSON object, or not as it was written.
    """
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    bare = {key: value for key, value in content.items() if key != KEY}
    if KEY not in content:
        _report(name)
    elif content[KEY] != digest(bare):
        raise ValueError(CHANGED)
    return bare


def digest(content: Any) -> str:
    """SHA-256, in hex, of plain data, for any layout of a file."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _report(name: str) -> None:
    """Prints once that files without a digest are read."""
    if not _reported:
        print(
            f"note: {name} carries no digest, for a former version wrote it: damage to "
            "it, or to others of that time, would not be noticed",
            flush=True,
        )
    _reported.add(name)
