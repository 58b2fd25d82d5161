"""Stores of OME-Zarr plates in a raw screen: where they lie.

Stores are folders and zip archives (`.zip`, `.ozx`) in the screen's folder; stores that
a file `plates.txt` there names, one a line, by addresses (https://, s3://, gs://) or
paths below the folder; or the folder itself. Imports nothing slow.
"""

import os
import re
from collections.abc import Iterator, Sequence

from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError
from gandl_jax.raw import ome_zarr
from gandl_jax.raw.ome_options import OmeOptions
from gandl_jax.raw.ome_zarr import NoPlate, ZarrPlate
from gandl_jax.raw.zarr_keys import FolderKeys, Keys, WebKeys, ZipKeys
from gandl_jax.raw.zip_archive import Archive

LIST = "plates.txt"
ARCHIVES = ".zip", ".ozx"
ROOTS = "zarr.json", ".zattrs", ".zgroup"  # one of these is at the top of a Zarr
_ENDS = re.compile(r"(\.ome)?(\.zarr)?(\.zip|\.ozx)?$", re.IGNORECASE)
_INNER = re.compile(r"(?P<root>.*?\.zarr)/(zarr\.json|\.zattrs)", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+]*://.+")


def find(
    source_dir: str, entries: Sequence[epath.Path], options: OmeOptions
) -> tuple[tuple[ZarrPlate, ...], tuple[str, ...]]:
    """Opens the plates beside a raw screen's loose files.

    Args:
      source_dir: the raw screen.
      entries: its files and folders, sorted.
      options: the level, plane and time point to read.

    Returns:
      The plates, and a sentence on each Zarr that is no plate.

    Raises:
      InputError: a plate that cannot be used, two of one name, or a line of
        `plates.txt` that names none.
      RunError: the network failed.
    """
    named = {path.name for path in entries}
    stores: list[tuple[str, Keys]] = []
    if named & set(ROOTS):
        root = os.path.basename(os.fspath(files.absolute(source_dir)))
        stores.append((_folder(root), FolderKeys(source_dir)))
    else:
        stores += [
            (_folder(path.name), FolderKeys(os.fspath(path)))
            for path in entries
            if path.name.lower().endswith(".zarr") and path.is_dir()
        ]
    plates, no_plates = [], []
    for folder, keys in stores:
        try:
            plates.append(ome_zarr.open_plate(keys, folder, options))
        except NoPlate as error:
            no_plates.append(str(error))
    if LIST in named:
        for folder, keys in _listed(source_dir):
            plates.append(ome_zarr.open_plate(keys, folder, options))
    return tuple(filter(None, plates)), tuple(no_plates)


def in_archive(
    archive: Archive, options: OmeOptions
) -> tuple[tuple[ZarrPlate, ...], tuple[str, ...]]:
    """Opens the plates in a zip archive; returns as `find`."""
    plates, no_plates = [], []
    for folder, keys in _in_archive(archive):
        try:
            plates.append(ome_zarr.open_plate(keys, folder, options))
        except NoPlate as error:
            no_plates.append(str(error))
    return tuple(filter(None, plates)), tuple(no_plates)


def _in_archive(archive: Archive) -> Iterator[tuple[str, Keys]]:
    if any(name in archive for name in ROOTS):
        is_zarr = archive.top.lower().endswith(".zarr")
        yield _folder(archive.top if is_zarr else archive.name), ZipKeys(archive, "")
    elif b".zarr/" in archive.names:  # a fast test: there may be millions
        matches = map(_INNER.fullmatch, archive.paths())
        for root in sorted({match["root"] for match in matches if match}):
            if not archive.top or not root.startswith(f"{archive.top}/"):
                yield _folder(root), ZipKeys(archive, f"{root}/")


def check_apart(plates: Sequence[ZarrPlate]) -> None:
    """Raises InputError if two plates have one name, or channels that differ."""
    by_folder: dict[str, ZarrPlate] = {}
    for plate in plates:
        folder = next(iter(plate.images)).partition(f"{ome_zarr.END}/")[0]
        if folder in by_folder:
            raise InputError(
                f"{by_folder[folder].name} and {plate.name} are plates of one name: "
                "rename one of them, or move it away"
            )
        by_folder[folder] = plate
        first = next(iter(by_folder.values()))
        if plate.channels and first.channels and plate.channels != first.channels:
            raise InputError(
                f"{plate.name} has the channels {', '.join(plate.channels)}, and "
                f"{first.name} {', '.join(first.channels)}: plates of one screen must "
                "have the same, in one order"
            )


def _listed(source_dir: str) -> Iterator[tuple[str, Keys]]:
    """Yields the stores that the list names, one a line; # begins a comment."""
    path = epath.Path(source_dir) / LIST
    try:
        lines = files.read_text(path, 2**20).splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8: write it again") from error
    for number, line in enumerate(lines, 1):
        location = line.strip().rstrip("/")
        if not location or location.startswith("#"):
            continue
        folder = _folder(os.path.basename(location))
        if _ADDRESS.fullmatch(location):
            yield folder, WebKeys(location)
            continue
        relative = os.path.normpath(location)
        if os.path.isabs(relative) or relative.startswith(".."):
            raise InputError(
                f"{path}, line {number}: {location!r} is neither an address such as "
                "https://host/P1.ome.zarr nor a path below the folder: correct it"
            )
        parent = os.path.dirname(relative)
        yield (
            os.path.join(parent, folder),
            FolderKeys(os.path.join(source_dir, relative)),
        )


def _folder(name: str) -> str:
    """Returns a store's name in its images' paths: P1.zarr for P1.ome.zarr.zip."""
    return _ENDS.sub("", name) + ome_zarr.END
