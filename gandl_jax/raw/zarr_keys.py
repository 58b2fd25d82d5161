"""Keys of a Zarr store, read from a folder, a zip archive or an address of the web.

Imports nothing slow.
"""

import dataclasses
import functools
import importlib.util
import os
from typing import Any, Protocol

from gandl_jax import files
from gandl_jax.errors import InputError, RunError
from gandl_jax.raw import limits
from gandl_jax.raw.image_files import Unreadable
from gandl_jax.raw.zip_archive import DAMAGED, Archive

_NOT_THERE = 403, 404, 410  # of HTTP; a bucket that lists nothing answers 403


class Keys(Protocol):
    """Keys of a store; may be pickled, and used by several threads.

    Attributes:
      name: of the store, for messages.
    """

    @property
    def name(self) -> str:
        """Path or address of the store."""

    def read(self, key: str, start: int = 0, length: int = -1) -> bytes | None:
        """Reads a key's bytes.

        Args:
          key: "A/1/0/zarr.json".
          start: where to begin; below 0 counts from the end.
          length: bytes to read; below 0 is all that follow.

        Returns:
          The bytes, or None where there is no such key.

        Raises:
          Unreadable: it is damaged, too large or no regular file.
          RunError: the network failed.
        """


@dataclasses.dataclass(frozen=True)
class FolderKeys:
    """Files below a folder, on a disk or in a bucket."""

    root: str

    @property
    def name(self) -> str:
        """Path of the folder."""
        return self.root

    def read(self, key: str, start: int = 0, length: int = -1) -> bytes | None:
        """Reads a key's bytes; see `Keys.read`."""
        try:
            with files.reading(os.path.join(self.root, key)) as file:
                size = file.seek(0, os.SEEK_END)
                if size > limits.MOST_BYTES and length < 0:
                    raise Unreadable(f"{key} has {size:,} bytes")
                file.seek(max(0, start + size) if start < 0 else start)
                return file.read(length)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:  # a folder, a pipe, a disk that fails
            raise Unreadable(f"{key} cannot be read") from error


@dataclasses.dataclass(frozen=True)
class ZipKeys:
    """Members of a zip archive below a folder in it."""

    archive: Archive
    folder: str

    @property
    def name(self) -> str:
        """Path of the archive."""
        return self.archive.path

    def read(self, key: str, start: int = 0, length: int = -1) -> bytes | None:
        """Reads a key's bytes; see `Keys.read`."""
        path = self.folder + key
        if path not in self.archive:
            return None
        try:
            with self.archive.open(path) as file:
                data = file.read()
        except DAMAGED as error:
            raise Unreadable(f"{key} is damaged in {self.archive.name}") from error
        return _cut(data, start, length)


@dataclasses.dataclass(frozen=True)
class WebKeys:
    """Objects below an address, read through fsspec."""

    address: str

    @property
    def name(self) -> str:
        """Address of the store."""
        return self.address

    def read(self, key: str, start: int = 0, length: int = -1) -> bytes | None:
        """Reads a key's bytes; see `Keys.read`."""
        system, root = _file_system(self.address)
        end = start + length if length >= 0 else None
        is_whole = not start and end is None
        try:
            if is_whole:
                return system.cat_file(f"{root}/{key}")
            data = system.cat_file(f"{root}/{key}", start=start, end=end)
        except FileNotFoundError:
            return None
        except Exception as error:  # of whichever protocol it is
            if getattr(error, "status", None) in _NOT_THERE:
                return None
            raise RunError(
                f"{self.address} did not give {key} ({type(error).__name__}: {error}): "
                "see to the network and run the same command again, which goes on"
            ) from error
        requested = length if length >= 0 else -start
        # A server that knows no ranges sends the whole object.
        return _cut(data, start, length) if 0 < requested < len(data) else data


def _cut(data: bytes, start: int, length: int) -> bytes:
    first = max(0, len(data) + start) if start < 0 else start
    return data[first:] if length < 0 else data[first : first + length]


@functools.cache
def _file_system(address: str) -> tuple[Any, str]:
    """Returns the file system of an address, and the path in it."""
    if importlib.util.find_spec("fsspec") is None:
        raise InputError(f'{address} needs fsspec: pip install "gandl_jax[ome]"')
    import fsspec  # an optional library

    try:
        system, root = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise InputError(
            f'{address} cannot be opened ({error}): pip install "gandl_jax[ome]" for '
            "http and https, s3fs for s3, gcsfs for gs"
        ) from error
    return system, root.rstrip("/")
