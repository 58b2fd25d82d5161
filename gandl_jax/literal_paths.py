"""Makes etils' paths search and list folders like pathlib's.

etils joins a folder and a pattern, and so takes a folder `x [1]` for a pattern, which
does not match itself. Orbax, which finishes checkpoints with that method, then finds
nothing to finish, and its checkpoint can never be read. When listing a folder, etils
leaves out names that end in `~`.
"""

import functools
import glob
import os
from collections.abc import Callable, Iterator

from etils import epath


def mend() -> None:
    """Patches the class of etils' paths, for all libraries that use it."""
    cls = type(epath.Path())
    if not hasattr(cls.glob, "__wrapped__"):
        cls.glob, cls.iterdir = _literal(cls.glob), _whole(cls.iterdir)


def _literal(search: Callable) -> Callable:
    @functools.wraps(search)
    def wrapped(self: epath.Path, pattern: str) -> Iterator[epath.Path]:
        return search(type(self)(glob.escape(os.fspath(self))), pattern)

    return wrapped


def _whole(listing: Callable) -> Callable:
    @functools.wraps(listing)
    def wrapped(self: epath.Path) -> Iterator[epath.Path]:
        folder = os.fspath(self)
        if "://" in folder:  # a bucket
            yield from listing(self)
        else:
            yield from (self / name for name in os.listdir(folder))

    return wrapped
