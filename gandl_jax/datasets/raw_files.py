"""The files of a raw screen: loose ones, and members of the zip archives beside them.

A path is the same for both, below the source directory. A loose file wins over a member
of its path.
"""

import contextlib
import dataclasses
import os
from collections.abc import Collection, Iterator
from typing import BinaryIO

from etils import epath

from gandl_jax import files
from gandl_jax.datasets import zip_archive
from gandl_jax.datasets.image_files import Unreadable


@dataclasses.dataclass(frozen=True)
class RawFiles:
    """A raw screen's files; goes to other threads and processes as it is.

    Attributes:
      source_dir: the raw screen.
      archives: the zip archives in it.
    """

    source_dir: str
    archives: tuple[zip_archive.Archive, ...]

    def there(self, paths: Collection[str]) -> set[str]:
        """Those of the paths that there are.

        Folders are listed once each; no file is looked at singly.
        """
        root, loose = epath.Path(self.source_dir), set()
        for folder in {os.path.dirname(path) for path in paths}:
            if (root / folder).is_dir():
                names = (file.name for file in (root / folder).iterdir())
                loose.update(os.path.join(folder, name) for name in names)
        return {path for path in paths if path in loose or self._holders(path)}

    def members(self) -> Iterator[str]:
        """Paths of all that is in archives, with their top folders and without them."""
        for archive in self.archives:
            yield from archive.paths()

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """Opens a file for reading; what is wrong with a member may show later.

        Raises:
          Unreadable: it is in an archive and damaged, encrypted or there twice.
          OSError: there is none.
        """
        holders, loose = self._holders(path), epath.Path(self.source_dir) / path
        if not holders or loose.exists():
            with files.reading(loose) as file:
                yield file
            return
        if len(holders) > 1:
            names = " and in ".join(archive.name for archive in holders)
            raise Unreadable(f"in {names}")
        try:
            with holders[0].open(path) as file:
                yield file
        except zip_archive.DAMAGED as error:
            raise Unreadable(f"damaged in {holders[0].name}") from error

    def read(self, path: str) -> bytes:
        """A whole file; raises as `open` does."""
        with self.open(path) as file:
            return file.read()

    def _holders(self, path: str) -> list[zip_archive.Archive]:
        return [archive for archive in self.archives if path in archive]


def open_files(source_dir: str) -> RawFiles:
    """The files of a raw screen; the directories of its archives are read.

    Raises:
      InputError: an archive is not one, or was cut short.
    """
    paths = sorted(epath.Path(source_dir).iterdir(), key=os.fspath)
    archives = tuple(
        zip_archive.open_archive(path)
        for path in paths
        if path.name.lower().endswith(".zip") and not path.name.startswith(".")
    )
    return RawFiles(source_dir, archives)
