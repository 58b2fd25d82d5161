"""The files of a raw screen: loose ones, members of zip archives, images of OME plates.

A path is the same for all, below the source directory. A loose file wins over a member
of its path. All may go by paths that are spelled otherwise (`spellings`).
"""

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Collection, Iterator
from typing import BinaryIO

import numpy as np
from etils import epath

from gandl_jax import files, regular_files
from gandl_jax.errors import RunError
from gandl_jax.raw import (
    image_files,
    limits,
    ome_stores,
    ome_tiff,
    ome_zarr,
    spellings,
    wildcards,
    zip_archive,
)
from gandl_jax.raw.image_files import ImageFormat, Unreadable
from gandl_jax.raw.ome_options import OmeOptions
from gandl_jax.raw.ome_tiff import TiffPlates
from gandl_jax.raw.ome_zarr import ZarrPlate
from gandl_jax.raw.spellings import Spellings

IMAGES = ".png", ".tif", ".tiff"


@dataclasses.dataclass(frozen=True)
class RawFiles:
    """A raw screen's files; goes to other threads and processes as it is.

    Attributes:
      source_dir: the raw screen.
      archives: the zip archives in it.
      spellings: of the paths by which it is asked for files.
      plates: of OME, whose images it has too.
      no_plates: a sentence on each Zarr beside them that is no plate.
    """

    source_dir: str
    archives: tuple[zip_archive.Archive, ...]
    spellings: Spellings = dataclasses.field(default_factory=Spellings)
    plates: tuple[ZarrPlate | TiffPlates, ...] = ()
    no_plates: tuple[str, ...] = ()

    def there(self, paths: Collection[str]) -> set[str]:
        """Those of the paths that there are.

        Folders are listed once each; no file is looked at singly.
        """
        loose = set()
        for folder in {os.path.dirname(path) for path in paths}:
            if self._is_folder(folder):
                loose.update(self._paths_in(folder))
        return {
            path
            for path in paths
            if path in loose or self._holders(path) or self._plate(path)
        }

    def part(self, paths: Collection[str]) -> "RawFiles":
        """These files alone: small to send, for no whole directory goes with them."""
        actual = [self.spellings.actual(path) for path in paths]
        archives = tuple(archive.part(actual) for archive in self.archives)
        plates = [plate.part(actual) for plate in self.plates]
        return RawFiles(
            self.source_dir,
            archives,
            self.spellings.part(paths),
            tuple(plate for plate in plates if plate.images),
        )

    def find_open(
        self, patterns: Collection[str], ignored: Collection[str]
    ) -> "RawFiles":
        """These files, found by paths too in which "*" leaves text open.

        Args:
          patterns: such paths.
          ignored: globs of files that are none of these.

        Raises:
          InputError: it is not clear which file is meant.
        """
        there = wildcards.kept(self.everything(), ignored)
        found = wildcards.match(patterns, there)
        return dataclasses.replace(self, spellings=found)

    def everything(self) -> Iterator[str]:
        """Paths of all files, loose and in archives; no hidden ones."""
        yield from self._below()
        for path in self.members():
            if not any(part.startswith(".") for part in path.split("/")):
                yield path

    def each_once(self) -> list[str]:
        """Paths of all files, sorted; a member's is that without its top folder."""
        tops = tuple(f"{archive.top}/" for archive in self.archives if archive.top)
        every = set(self.everything())
        return sorted(
            path
            for path in every
            if not (tops and path.startswith(tops) and path.partition("/")[2] in every)
        )

    def _below(self) -> Iterator[str]:
        """Paths of all loose files, relative to the raw screen; no hidden ones.

        A folder that links lead to again, perhaps from within, is read once. Of a Zarr
        there are the files at its top.
        """
        folders, seen = [""], set()
        while folders:
            folder = folders.pop()
            real = os.path.realpath(epath.Path(self.source_dir) / folder)
            if real in seen:
                continue
            seen.add(real)
            inside = sorted(self._paths_in(folder))
            is_zarr = {*map(os.path.basename, inside)} & set(ome_stores.ROOTS)
            for path in inside:
                name = os.path.basename(path)
                if name.startswith("."):
                    continue
                if not name.lower().endswith(IMAGES) and self._is_folder(path):
                    folders += [] if is_zarr else [path]  # chunks are no images
                else:
                    yield path

    def find(self, absent: Collection[str], taken: Collection[str]) -> "RawFiles":
        """These files, found by absent paths too that are only spelled otherwise.

        Args:
          absent: paths that `there` does not give.
          taken: paths that it gives: their files are no other's.

        Raises:
          InputError: it is not clear which file is meant.
        """
        folders = {os.path.dirname(path) for path in absent}
        there = itertools.chain(self._loose_like(folders), self.members())
        found = spellings.match(absent, there, taken)
        return dataclasses.replace(self, spellings=found)

    def _loose_like(self, folders: Collection[str]) -> Iterator[str]:
        """Paths of what lies in folders of these names, however they are spelled."""
        wanted = {spellings.plain(folder) for folder in folders}
        ways = {way for folder in wanted for way in _with_parents(folder)}
        left = [""]
        while left:
            folder = left.pop()
            here = spellings.plain(folder) in wanted
            for path in self._paths_in(folder):
                if spellings.plain(path) in ways and self._is_folder(path):
                    left.append(path)
                elif here:
                    yield path

    def _paths_in(self, folder: str) -> Iterator[str]:
        for file in (epath.Path(self.source_dir) / folder).iterdir():
            yield os.path.join(folder, file.name)

    def _is_folder(self, path: str) -> bool:
        return (epath.Path(self.source_dir) / path).is_dir()

    def members(self) -> Iterator[str]:
        """Paths of all in archives, with their top folders and without, and plates."""
        for holder in (*self.archives, *self.plates):
            yield from holder.paths()

    @contextlib.contextmanager
    def open(
        self, path: str, most_bytes: int = limits.MOST_BYTES
    ) -> Iterator[BinaryIO]:
        """Opens a file for reading; what is wrong with a member may show later.

        Args:
          path: as it was asked for.
          most_bytes: that it may have, unpacked; in a bucket it may have more.

        Raises:
          Unreadable: it is in an archive and damaged, encrypted or there twice; or it
            is too large, or a pipe or another that is no regular file.
          OSError: there is none.
        """
        path = self.spellings.actual(path)
        holders, loose = self._holders(path), epath.Path(self.source_dir) / path
        if not holders or loose.exists():
            _check(loose, most_bytes)
            with files.reading(loose) as file:
                yield file
            return
        if len(holders) > 1:
            names = " and in ".join(archive.name for archive in holders)
            raise Unreadable(f"in {names}")
        try:
            with holders[0].open(path, most_bytes) as file:
                yield file
        except zip_archive.DAMAGED as error:
            raise Unreadable(f"damaged in {holders[0].name}") from error

    @contextlib.contextmanager
    def expected(
        self, path: str, most_bytes: int = limits.MOST_BYTES
    ) -> Iterator[BinaryIO]:
        """As `open`, a file that was there when the run began.

        Raises:
          Unreadable: as `open`.
          RunError: it is there no more, or the disk or network failed.
        """
        try:
            with self.open(path, most_bytes) as file:
                yield file
        except OSError as error:
            raise RunError(
                f"{path} in {self.source_dir} can no longer be read "
                f"({error.strerror or error}): see to the raw screen and run the same "
                "command again, which goes on"
            ) from error

    def read(self, path: str, most_bytes: int = limits.MOST_BYTES) -> bytes:
        """A whole file; raises as `open` does."""
        with self.open(path, most_bytes) as file:
            return file.read()

    def read_format(self, path: str) -> ImageFormat | str:
        """Reads the format in an image's header, or says what is wrong with it.

        Raises:
          Unreadable: as `open`.
          RunError: as `expected`.
        """
        actual = self.spellings.actual(path)
        if plate := self._plate(actual):
            return plate.read_format(actual)
        with self.expected(path) as file:
            return image_files.read_format(file)

    def read_image(
        self, path: str, most_bytes: int = limits.MOST_BYTES
    ) -> bytes | np.ndarray:
        """Reads an image: the bytes of its file, or of a plate its pixels.

        Returns:
          The file's bytes, or [H, W, planes] uint8 or uint16.

        Raises:
          Unreadable: as `open`.
          RunError: as `expected`.
        """
        actual = self.spellings.actual(path)
        if plate := self._plate(actual):
            return plate.pixels(actual)
        with self.expected(path, most_bytes) as file:
            return file.read()

    def is_image(self, path: str) -> bool:
        """Whether a path is an image's, by its name or by a plate."""
        return path.lower().endswith(IMAGES) or self.in_plate(path)

    def in_plate(self, path: str) -> bool:
        """Whether a path is that of an OME plate's image."""
        return self._plate(path) is not None

    def _plate(self, path: str) -> ZarrPlate | TiffPlates | None:
        """The plate that has an image of this path."""
        return next((plate for plate in self.plates if path in plate), None)

    def _holders(self, path: str) -> list[zip_archive.Archive]:
        return [archive for archive in self.archives if path in archive]


def _check(loose: epath.Path, most_bytes: int) -> None:
    """Raises where a file is none or too large; in a bucket each look costs time."""
    if files.is_remote(loose):
        return
    if kind := regular_files.other_kind(loose):
        raise Unreadable(f"{kind}, not a file")
    if os.path.getsize(loose) > most_bytes:
        raise Unreadable(f"more than {most_bytes:,} bytes")


def _with_parents(folder: str) -> Iterator[str]:
    while folder and folder != os.path.dirname(folder):
        yield folder
        folder = os.path.dirname(folder)


def open_files(source_dir: str, options: OmeOptions | None = None) -> RawFiles:
    """The files of a raw screen; directories of archives and plates' wells are read.

    Args:
      source_dir: the raw screen.
      options: what is read of images of OME plates.

    Raises:
      InputError: an archive is not one, or was cut short; or a plate cannot be used.
      RunError: the network failed, at which a plate lies.
    """
    options = options or OmeOptions()
    entries = sorted(epath.Path(source_dir).iterdir(), key=os.fspath)
    archives = []
    plates, no_plates = map(list, ome_stores.find(source_dir, entries, options))
    for path in entries:
        if path.name.lower().endswith(ome_stores.ARCHIVES) and path.name[0] != ".":
            archive = zip_archive.open_archive(path)
            inside, others = ome_stores.in_archive(archive, options)
            plates += inside
            no_plates += others
            archives += [] if inside else [archive]
    ome_stores.check_apart(plates)
    ome_zarr.check_installed(plates)
    return RawFiles(
        source_dir,
        tuple(archives),
        plates=tuple(plates),
        no_plates=tuple(no_plates),
    )


def open_for(
    pattern: str, source_dir: str, options: OmeOptions | None = None
) -> RawFiles:
    """As `open_files`, with the plates of OME-TIFFs where a pattern asks for them.

    Args:
      pattern: of paths, as "{plate}.ome/{well}/{site}".
      source_dir: as `open_files`.
      options: as `open_files`.
    """
    opened = open_files(source_dir, options)
    return with_ome_tiffs(opened, options) if ome_tiff.END in pattern else opened


def with_ome_tiffs(opened: RawFiles, options: OmeOptions | None = None) -> RawFiles:
    """The files with the plates that OME-TIFFs among them describe.

    Raises:
      InputError: none says of what plate and well it is, or some cannot be read.
    """
    plates = ome_tiff.find(opened, options or OmeOptions())
    return dataclasses.replace(opened, plates=(*opened.plates, plates))
