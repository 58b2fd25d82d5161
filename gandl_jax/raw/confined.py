"""Confinement of a raw screen to its folder: paths in its table, and links.

For members of archives see `zip_archive`. Imports nothing slow.
"""

import os
import re
from collections.abc import Iterable, Iterator

from gandl_jax import files
from gandl_jax.errors import InputError

SHOWN = 200  # characters of a name, which may have millions
_LONGEST, _LONGEST_NAME = 4_000, 255  # characters of a path, and of a part of it
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SUSPECT = re.compile(rf"/|.*(\.\.|{_NO_TEXT.pattern})", re.DOTALL)
_MEANT = "set --config.data.outside=allow if that is meant"


def check_paths(paths: Iterable[str], source_dir: str, outside: str) -> None:
    """Refuses paths of images that cannot be below the raw screen's folder.

    Args:
      paths: below `source_dir`, or absolute.
      source_dir: the raw screen.
      outside: "refuse" those that lead out of it, or "allow" them.

    Raises:
      InputError: a path leads out of the folder, or is none.
    """
    root = os.fspath(files.absolute(source_dir))
    for path in paths:
        if len(path) <= _LONGEST_NAME and not _SUSPECT.match(path):
            continue  # there may be millions
        description = f"the table or config.screen.file names an image {path[:SHOWN]!r}"
        if reason := _no_path(path):
            raise InputError(f"{description}, which {reason}: correct it")
        if outside == "refuse" and not _is_within(os.path.join(root, path), root):
            raise InputError(
                f"{description}, which leads out of {source_dir} "
                f"(config.data.source_dir): correct it, or {_MEANT}"
            )


def _no_path(path: str) -> str | None:
    if is_no_text(path):
        return "holds characters that are no text"
    if len(path) > _LONGEST or any(len(n) > _LONGEST_NAME for n in path.split("/")):
        return f"has {len(path):,} characters, too many for a path"
    return None


def _is_within(path: str, root: str) -> bool:
    """Returns True if a path lies in a folder, by their names alone."""
    return os.path.normpath(path).startswith(os.path.join(os.path.normpath(root), ""))


def is_no_text(text: str) -> bool:
    """Returns True if a text holds bytes that are no UTF-8, or control characters.

    Tabs and line breaks are text.
    """
    return _NO_TEXT.search(text) is not None


def check_links(source_dir: str, outside: str) -> None:
    """Refuses symbolic links that lead out of the raw screen's folder.

    Args:
      source_dir: the raw screen, which may be a link itself; a bucket has no links.
      outside: "refuse", or "allow".

    Raises:
      InputError: there is such a link.
    """
    if outside == "allow" or not source_dir or files.bucket(source_dir):
        return
    root = os.path.realpath(source_dir)
    for link in _links(root):
        target = os.path.realpath(link)
        if target != root and not _is_within(target, root):
            raise InputError(
                f"{link} is a link that leads out of config.data.source_dir, to "
                f"{target}: replace it by what is there, or {_MEANT}"
            )


def _links(folder: str) -> Iterator[str]:
    """Yields all symbolic links below a folder; none is followed."""
    to_scan = [folder] if os.path.isdir(folder) else []
    while to_scan:
        with os.scandir(to_scan.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    yield entry.path
                elif entry.is_dir():
                    to_scan.append(entry.path)
