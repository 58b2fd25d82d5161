"""Writing files whole: a reader meets the old file or the new one, never half."""

import contextlib
from collections.abc import Iterator
from typing import BinaryIO

from etils import epath


def replace(path: epath.PathLike, data: bytes | str) -> None:
    """Writes a file whole, over one that is there already.

    Args:
      path: of the file; its folder must exist.
      data: what to write; text becomes UTF-8.
    """
    with replacing(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def replacing(path: epath.PathLike) -> Iterator[BinaryIO]:
    """As `replace`, for what is written in pieces.

    Args:
      path: of the file; its folder must exist.

    Yields:
      A binary file to write to.
    """
    with partial(path) as beside, beside.open("wb") as file:
        yield file


@contextlib.contextmanager
def partial(path: epath.PathLike) -> Iterator[epath.Path]:
    """As `replace`, for a writer that opens the file itself.

    Args:
      path: of the file; its folder must exist.

    Yields:
      `.NAME.partial` beside it, to be written. It gets its name at the end; where the
      writing fails it is removed, and what was there before stays.
    """
    final = epath.Path(path)
    beside = final.parent / f".{final.name}.partial"
    try:
        yield beside
        beside.replace(final)  # rename would not overwrite
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
