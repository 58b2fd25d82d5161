"""OME-TIFFs whose metadata name the plate and well of their images.

An image's path is "P1.ome/B03/0": the plate's name in the OME-XML, the well, and the
image's number among those of the well. A file may hold one image or several.
"""

import collections
import concurrent.futures
import dataclasses
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import tifffile

from gandl_jax.errors import InputError
from gandl_jax.raw import image_files, ome_xml
from gandl_jax.raw.image_files import ImageFormat, Unreadable
from gandl_jax.raw.ome_options import OmeOptions
from gandl_jax.raw.ome_xml import OmeImage

if TYPE_CHECKING:
    from gandl_jax.raw.raw_files import RawFiles

END = ".ome/"  # of a plate's folder in the paths of its images
FILES = ".ome.tif", ".ome.tiff"
THREADS = 16  # requests that a disk or a network serves at once


@dataclasses.dataclass(frozen=True)
class TiffPlates:
    """Images of OME-TIFFs; may be pickled, and used by several threads.

    Attributes:
      source: the files that hold them.
      images: path below the raw screen to the image's file, and its pages there.
      channels: names, as the first image has them; () if it has none.
    """

    source: "RawFiles"
    images: Mapping[str, tuple[str, tuple[int, ...]]]
    channels: tuple[str, ...]

    @property
    def name(self) -> str:
        """Path of one of the files, for messages."""
        return next(iter(self.images.values()))[0]

    def __contains__(self, path: str) -> bool:
        return path in self.images

    def paths(self) -> Iterator[str]:
        """Iterates over the paths of all images."""
        return iter(self.images)

    def subset(self, paths: Iterable[str]) -> "TiffPlates":
        """Returns the plates with these images alone."""
        kept = {path: self.images[path] for path in paths if path in self.images}
        source = self.source.subset({file for file, _ in kept.values()})
        return dataclasses.replace(self, source=source, images=kept)

    def read_format(self, path: str) -> ImageFormat:
        """Reads an image's format from the headers of its pages.

        Raises:
          Unreadable: it is damaged, or of another kind.
        """
        name, pages = self.images[path]
        with self.source.expected(name) as file:
            return image_files.read_pages_format(file, pages)

    def pixels(self, path: str) -> np.ndarray:
        """Reads an image's pixels, [H, W, channels] uint8 or uint16.

        Raises:
          Unreadable: as `read_format`.
        """
        name, pages = self.images[path]
        with self.source.expected(name) as file:
            return image_files.decode_pages(_seekable(file), pages)


def _seekable(file: BinaryIO) -> BinaryIO:
    """Returns a seekable file; a member of an archive is read into memory."""
    return io.BytesIO(file.read()) if isinstance(file, zipfile.ZipExtFile) else file


def find(source: "RawFiles", options: OmeOptions) -> TiffPlates:
    """Reads the OME-XML of all OME-TIFFs of a raw screen.

    Args:
      source: its files.
      options: the plane and time point to read.

    Raises:
      InputError: there is no OME-TIFF, one cannot be read or does not name plate and
        well, or its channels are not those of the first in the same order.
    """
    names = [p for p in source.unique_paths() if p.lower().endswith(FILES)]
    if not names:
        raise InputError(
            f"there is no {' or '.join(FILES)} in {source.source_dir}, and "
            f"config.screen.file asks for plates of OME-TIFFs ({END})"
        )
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        images_by_file = list(
            pool.map(lambda name: _images(source, name, options), names)
        )
    sites = collections.defaultdict(list)
    for name, images in zip(names, images_by_file, strict=True):
        for image in images:
            sites[image.plate, image.well].append((image.index, name, image))
    first = next(image for images in images_by_file for image in images)
    paths = {}
    for (plate, well), images_of_well in sorted(sites.items()):
        in_order = sorted(images_of_well, key=lambda entry: (entry[:2], entry[2].pages))
        for number, (_, name, image) in enumerate(in_order):
            if image.channels != first.channels:
                raise InputError(
                    f"{name} has the channels {', '.join(image.channels)}, and "
                    f"{names[0]} {', '.join(first.channels)}: files of one screen must "
                    "have the same, in one order"
                )
            paths[f"{plate}{END}{well}/{number}"] = name, image.pages
    return TiffPlates(source, paths, first.channels)


def describes_plates(source: "RawFiles", name: str) -> bool:
    """Returns True if a file's OME-XML names plate and well of its images."""
    try:
        return bool(_images(source, name, OmeOptions()))
    except InputError:
        return False


def _images(source: "RawFiles", name: str, options: OmeOptions) -> list[OmeImage]:
    """Reads a file's images, each with its plate and well."""
    path = f"{source.source_dir}/{name}"
    try:
        with source.expected(name) as file:
            text = _description(file)
        images = ome_xml.parse(text, name.rpartition("/")[2], options)
    except Unreadable as error:
        raise InputError(f"{path} cannot be used ({error}): write it again") from error
    if not images or not all(image.plate and image.well for image in images):
        raise InputError(
            f"{path} says nothing of its plate and well in its OME-XML: name them by "
            "the files' names in config.screen.file, as in "
            "'{plate}/{well}_s{site}.ome.tif'"
        )
    return images


def _description(file: BinaryIO) -> str:
    """Reads the OME-XML in a file's first page."""
    try:
        with tifffile.TiffFile(file, _multifile=False) as tiff:
            if tiff.ome_metadata is None:
                raise Unreadable("a TIFF without OME-XML")
            return tiff.ome_metadata
    except Unreadable:
        raise
    except Exception as error:  # whatever error the damage leads to
        raise Unreadable("truncated or corrupt") from error
