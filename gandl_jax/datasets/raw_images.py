"""The images of a raw screen: where they are, which are missing, their size."""

import collections
import concurrent.futures
import dataclasses
import os
import struct
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.datasets.screen import Screen
from gandl_jax.errors import InputError
from gandl_jax.progress import Progress

NAMED = 3  # an error names this many of the images that it counts
THREADS = 4 * (os.cpu_count() or 1)  # reading waits for the disk or the network


@dataclasses.dataclass(frozen=True)
class ImageFormat:
    """Size and bit depth of a greyscale PNG; its str is for messages."""

    height_px: int
    width_px: int
    bit_depth: int

    def __str__(self) -> str:
        return f"{self.height_px}x{self.width_px} px {self.bit_depth}-bit"


def paths(screen: Screen, metadata: pd.DataFrame, channel: int) -> list[str]:
    """[N] paths below the source directory of each record's image of a channel."""
    rows = metadata[list(screen.file_columns)].to_dict("records")
    return [screen.image_path(row, channel) for row in rows]


def present(
    screen: Screen, source_dir: str, metadata: pd.DataFrame, *, missing: str
) -> pd.DataFrame:
    """The rows of the metadata whose images are all there.

    Directories are listed once each; no file is looked at singly.

    Args:
      screen: the spec.
      source_dir: the raw screen.
      metadata: N rows as from `read_metadata`.
      missing: "fail", or "skip" to leave out records that lack an image.

    Raises:
      InputError: images are missing and `missing` is "fail"; no record is left; or
        the screen's channels are not those of the files.
    """
    number = len(screen.channels)
    files = [paths(screen, metadata, 1 + i) for i in range(number)]
    extra = paths(screen, metadata, number + 1)
    folders = {os.path.dirname(path) for group in (*files, extra) for path in group}
    listed = _listed(source_dir, folders)
    there = np.array([[f in listed for f in channel] for channel in files])
    _check_channels(screen, source_dir, files, there, extra, listed)
    absent = int((~there).sum())
    if absent and missing == "fail":
        names = [files[c][i] for c, i in np.argwhere(~there)[:NAMED]]
        raise InputError(
            f"{absent} of {there.size} images are missing in {source_dir} "
            f"({int((~there.all(0)).sum())} of {len(metadata)} records): "
            f"{', '.join(names)}{', ...' if absent > len(names) else ''}; add them or "
            "leave these records out with --config.data.missing=skip"
        )
    if not there.all(0).any():
        raise InputError(f"no record in {source_dir} has all {number} images")
    return metadata[there.all(0)].reset_index(drop=True)


def _listed(source_dir: str, folders: Iterable[str]) -> set[str]:
    """Paths below the source directory of all files in these folders."""
    root = epath.Path(source_dir)
    found = set()
    for folder in folders:
        path = root / folder
        if path.is_dir():
            found.update(os.path.join(folder, file.name) for file in path.iterdir())
    return found


def _check_channels(
    screen: Screen,
    source_dir: str,
    files: Sequence[Sequence[str]],
    there: np.ndarray,
    extra: Sequence[str],
    listed: set[str],
) -> None:
    """Raises where the files show another number of channels than the spec."""
    if not there.any():
        raise InputError(
            f"none of the {there.size} images named by metadata.csv is in "
            f"{source_dir}; the first would be {files[0][0]}"
        )
    for name, paths_, ok in zip(screen.channels, files, there, strict=True):
        if not ok.any():
            raise InputError(
                f"{source_dir} has no image of channel {name!r} (such as {paths_[0]}), "
                f"but screen {screen.name!r} has {len(files)} channels"
            )
    surplus = [path for path in extra if path in listed]
    if surplus:
        raise InputError(
            f"{source_dir} has {len(surplus)} images of a channel {len(files) + 1} "
            f"(such as {surplus[0]}), but screen {screen.name!r} has {len(files)}"
        )


def common_format(source_dir: str, files: Sequence[str]) -> ImageFormat:
    """The format that all images share, from their headers alone.

    Args:
      source_dir: the raw screen.
      files: paths below it.

    Raises:
      InputError: some are not greyscale PNGs of 8 or 16 bits, or differ from most.
    """
    formats = _formats(epath.Path(source_dir), files)
    usable = collections.Counter(f for f in formats if isinstance(f, ImageFormat))
    if not usable:
        raise unusable(source_dir, dict(zip(files, formats, strict=True)), len(files))
    common = usable.most_common(1)[0][0]
    bad = {f: g for f, g in zip(files, formats, strict=True) if g != common}
    if bad:
        raise unusable(source_dir, bad, len(files), expected=str(common))
    return common


def _formats(root: epath.Path, files: Sequence[str]) -> list[ImageFormat | str]:
    """Reads the headers, telling how it goes: a screen may have millions."""
    formats, progress = [], Progress("check", len(files), "images")
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(lambda file: _file_format(root / file), files):
            formats.append(found)
            progress.update(1)
    progress.close()
    return formats


def unusable(
    source_dir: str,
    bad: Mapping[str, object],
    total: int,
    expected: str = "8- or 16-bit",
) -> InputError:
    """The error that counts and names bad images; `bad` is path to what is wrong."""
    first = [f"{path} ({reason})" for path, reason in list(bad.items())[:NAMED]]
    return InputError(
        f"{len(bad)} of {total} images in {source_dir} cannot be used (expected: "
        f"{expected} greyscale PNG): {', '.join(first)}"
        f"{', ...' if len(bad) > NAMED else ''}"
    )


def _file_format(path: epath.Path) -> ImageFormat | str:
    with path.open("rb") as file:
        return png_format(file.read(26))


def png_format(data: bytes) -> ImageFormat | str:
    """The format in a PNG's header, or what is wrong with it (PNG, section 11.2.1)."""
    if not data:
        return "empty"
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return "not a PNG"
    if len(data) < 26:
        return "truncated"
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    if colour != 0 or depth not in (8, 16):
        kinds = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}
        return f"{depth}-bit {kinds.get(colour, 'of unknown colour type')}"
    return ImageFormat(height, width, depth)
