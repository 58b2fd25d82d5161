"""Files of a raw screen: loose ones, members of zip archives, images of OME plates.

All have paths below the source directory. A loose file goes before a member with the
same path. Paths may be spelled otherwise (`spellings`).
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
    """Files of a raw screen; may be pickled, and used by several threads.

    Attributes:
      source_dir: the raw screen.
      archives: the zip archives in it.
      spellings: of the requested paths.
      plates: of OME, whose images count as files.
      no_plates: a sentence on each Zarr that is no plate.
    """

    source_dir: str
    archives: tuple[zip_archive.Archive, ...]
    spellings: Spellings = dataclasses.field(default_factory=Spellings)
    plates: tuple[ZarrPlate | TiffPlates, ...] = ()
    no_plates: tuple[str, ...] = ()

    def existing(self, paths: Collection[str]) -> set[str]:
        """Returns the paths that have a file.

        Each folder is listed once; no file is looked up singly.
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

    def subset(self, paths: Collection[str]) -> "RawFiles":
        """Returns these files alone, which are small to send to another process."""
        actual = [self.spellings.actual(path) for path in paths]
        archives = tuple(archive.subset(actual) for archive in self.archives)
        plates = [plate.subset(actual) for plate in self.plates]
        return RawFiles(
            self.source_dir,
            archives,
            self.spellings.subset(paths),
            tuple(plate for plate in plates if plate.images),
        )

    def match_wildcards(
        self, patterns: Collection[str], ignored: Collection[str]
    ) -> "RawFiles":
        """Finds files for paths in which "*" is any text.

        Args:
          patterns: such paths.
          ignored: globs of files to leave out.

        Returns:
          The raw screen, whose files can be read by these paths.

        Raises:
          InputError: it is not clear which file is meant.
        """
        paths = wildcards.kept(self.all_paths(), ignored)
        matched = wildcards.match(patterns, paths)
        return dataclasses.replace(self, spellings=matched)

    def all_paths(self) -> Iterator[str]:
        """Yields the paths of all files, loose and in archives; no hidden ones."""
        yield from self._below()
        for path in self.members():
            if not any(part.startswith(".") for part in path.split("/")):
                yield path

    def unique_paths(self) -> list[str]:
        """Returns the sorted paths of all files, members without their top folder."""
        tops = tuple(f"{archive.top}/" for archive in self.archives if archive.top)
        paths = set(self.all_paths())
        return sorted(
            path
            for path in paths
            if not (tops and path.startswith(tops) and path.partition("/")[2] in paths)
        )

    def _below(self) -> Iterator[str]:
        """Yields the paths of all loose files, relative to the raw screen; none hidden.

        A folder that links lead to again, perhaps from within, is read once. Of a Zarr
        only the files at its top are listed.
        """
        folders, seen = [""], set()
        while folders:
            folder = folders.pop()
            real = os.path.realpath(epath.Path(self.source_dir) / folder)
            if real in seen:
                continue
            seen.add(real)
            paths = sorted(self._paths_in(folder))
            is_zarr = {*map(os.path.basename, paths)} & set(ome_stores.ROOTS)
            for path in paths:
                name = os.path.basename(path)
                if name.startswith("."):
                    continue
                if not name.lower().endswith(IMAGES) and self._is_folder(path):
                    folders += [] if is_zarr else [path]  # chunks are no images
                else:
                    yield path

    def match_spellings(
        self, absent: Collection[str], taken: Collection[str]
    ) -> "RawFiles":
        """Finds files for absent paths that are only spelled otherwise.

        Args:
          absent: paths that `existing` does not return.
          taken: paths that it returns: their files match no other path.

        Returns:
          The raw screen, whose files can be read by these paths.

        Raises:
          InputError: it is not clear which file is meant.
        """
        folders = {os.path.dirname(path) for path in absent}
        paths = itertools.chain(self._loose_like(folders), self.members())
        matched = spellings.match(absent, paths, taken)
        return dataclasses.replace(self, spellings=matched)

    def _loose_like(self, folders: Collection[str]) -> Iterator[str]:
        """Yields the paths in folders of these names, in any spelling."""
        wanted = {spellings.canonical(folder) for folder in folders}
        on_the_way = {parent for folder in wanted for parent in _with_parents(folder)}
        to_list = [""]
        while to_list:
            folder = to_list.pop()
            is_wanted = spellings.canonical(folder) in wanted
            for path in self._paths_in(folder):
                if spellings.canonical(path) in on_the_way and self._is_folder(path):
                    to_list.append(path)
                elif is_wanted:
                    yield path

    def _paths_in(self, folder: str) -> Iterator[str]:
        for file in (epath.Path(self.source_dir) / folder).iterdir():
            yield os.path.join(folder, file.name)

    def _is_folder(self, path: str) -> bool:
        return (epath.Path(self.source_dir) / path).is_dir()

    def members(self) -> Iterator[str]:
        """Yields the paths in archives, with and without top folders, and in plates."""
        for holder in (*self.archives, *self.plates):
            yield from holder.paths()

    @contextlib.contextmanager
    def open(
        self, path: str, most_bytes: int = limits.MOST_BYTES
    ) -> Iterator[BinaryIO]:
        """Opens a file for reading; damage of a member may show when it is read.

        Args:
          path: of the file, in the wanted spelling.
          most_bytes: limit of its unpacked size; in a bucket it is not checked.

        Raises:
          Unreadable: it is in an archive and damaged, encrypted or there twice; or it
            is too large, or no regular file but a pipe or the like.
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
        """Opens a file that existed when the run began; as `open`.

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
        """Reads a whole file; raises as `open` does."""
        with self.open(path, most_bytes) as file:
            return file.read()

    def read_format(self, path: str) -> ImageFormat | str:
        """Reads the format in an image's header; returns what is wrong as str.

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
        """Reads an image: the bytes of its file, or the pixels of a plate's image.

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
        """Returns True if a path is an image's, by its name or by a plate."""
        return path.lower().endswith(IMAGES) or self.in_plate(path)

    def in_plate(self, path: str) -> bool:
        """Returns True if a path is that of an OME plate's image."""
        return self._plate(path) is not None

    def _plate(self, path: str) -> ZarrPlate | TiffPlates | None:
        """Returns the plate that has an image of this path, or None."""
        return next((plate for plate in self.plates if path in plate), None)

    def _holders(self, path: str) -> list[zip_archive.Archive]:
        return [archive for archive in self.archives if path in archive]


def _check(loose: epath.Path, most_bytes: int) -> None:
    """Raises if a loose file is not regular, or too large; not in a bucket."""
    if files.is_remote(loose):
        return
    if file_type := regular_files.other_kind(loose):
        raise Unreadable(f"{file_type}, not a file")
    if os.path.getsize(loose) > most_bytes:
        raise Unreadable(f"more than {most_bytes:,} bytes")


def _with_parents(folder: str) -> Iterator[str]:
    while folder and folder != os.path.dirname(folder):
        yield folder
        folder = os.path.dirname(folder)


def open_files(source_dir: str, options: OmeOptions | None = None) -> RawFiles:
    """Opens a raw screen; reads the directories of archives and plates' wells.

    Args:
      source_dir: the raw screen.
      options: of OME plates.

    Raises:
      InputError: an archive is damaged or truncated, or a plate cannot be used.
      RunError: the network failed, while a remote plate was read.
    """
    options = options or OmeOptions()
    entries = sorted(epath.Path(source_dir).iterdir(), key=os.fspath)
    archives = []
    plates, no_plates = map(list, ome_stores.find(source_dir, entries, options))
    for path in entries:
        if path.name.lower().endswith(ome_stores.ARCHIVES) and path.name[0] != ".":
            archive = zip_archive.open_archive(path)
            plates_inside, no_plates_inside = ome_stores.in_archive(archive, options)
            plates += plates_inside
            no_plates += no_plates_inside
            archives += [] if plates_inside else [archive]
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
    """Opens a raw screen, with plates of OME-TIFFs if a pattern needs them.

    Args:
      pattern: of paths, as "{plate}.ome/{well}/{site}".
      source_dir: as `open_files`.
      options: as `open_files`.
    """
    opened = open_files(source_dir, options)
    return with_ome_tiffs(opened, options) if ome_tiff.END in pattern else opened


def with_ome_tiffs(opened: RawFiles, options: OmeOptions | None = None) -> RawFiles:
    """Adds the plates that OME-TIFFs among the files describe.

    Raises:
      InputError: none names its plate and well, or some cannot be read.
    """
    plates = ome_tiff.find(opened, options or OmeOptions())
    return dataclasses.replace(opened, plates=(*opened.plates, plates))
