"""Images of a raw screen: their paths, which are missing, their format."""

import collections
import concurrent.futures
import itertools
import os
from collections.abc import Mapping, Sequence

import ml_collections
import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError
from gandl_jax.progress import Progress
from gandl_jax.raw import confined, found_records, ome_channels, wildcards
from gandl_jax.raw.image_files import ImageFormat, Unreadable
from gandl_jax.raw.raw_files import RawFiles
from gandl_jax.raw.screen import Screen, record_ids

NAMED = 3  # images that an error names, of those that it counts
THREADS = 4 * (os.cpu_count() or 1)  # reading waits for the disk or the network
QUEUED = 4096  # headers at a time; each takes a kilobyte until it is read


def paths(screen: Screen, metadata: pd.DataFrame) -> list[list[str]]:
    """Returns the paths of all images below the source directory.

    Returns:
      For each channel, or once if files hold all channels, the paths of the N records.
    """
    records = _rows(screen, metadata)
    codes = screen.codes if screen.file_per_channel else ("",)
    return [[screen.image_path(row, code) for row in records] for code in codes]


def _rows(screen: Screen, metadata: pd.DataFrame) -> list[dict[str, str]]:
    return metadata[list(dict.fromkeys(screen.file_columns))].to_dict("records")


def present(
    screen: Screen,
    source_dir: str,
    metadata: pd.DataFrame,
    *,
    missing: str,
    outside: str,
) -> tuple[pd.DataFrame, RawFiles]:
    """Returns the rows of the metadata whose images all exist, and the files.

    An image exists too if one file has its path in another spelling.

    Args:
      screen: the spec.
      source_dir: the raw screen.
      metadata: N rows as from `read_metadata`.
      missing: "fail", or "skip" to leave out records that lack an image.
      outside: "refuse" paths that lead out of the raw screen, or "allow" them.

    Returns:
      The rows, and the raw screen, whose files can be read by the rows' paths.

    Raises:
      InputError: images are missing and `missing` is "fail"; no record is left; the
        screen's channels are not those of the files; two files fit one image; or a
        path leads out of the raw screen.
    """
    image_paths = paths(screen, metadata)
    confined.check_paths(itertools.chain(*image_paths), source_dir, outside)
    _check_apart(screen, metadata, image_paths)
    extra = _next_channel(screen, metadata)
    source, listed = _find(
        screen, source_dir, {*itertools.chain(*image_paths)}, {*extra}
    )
    exists = np.array([[path in listed for path in channel] for channel in image_paths])
    _check_channels(screen, source, image_paths, exists)
    _check_surplus(screen, source_dir, extra, listed)
    ome_channels.check(screen.channels, source.plates)
    _check_complete(screen, image_paths, exists)
    absent = int((~exists).sum())
    if absent and missing == "fail":
        names = [image_paths[c][i] for c, i in np.argwhere(~exists)[:NAMED]]
        raise InputError(
            f"{absent} of {exists.size} images are missing in {source_dir} "
            f"({int((~exists.all(0)).sum())} of {len(metadata)} records): "
            f"{', '.join(names)}{', ...' if absent > len(names) else ''}; add them or "
            "leave these records out with --config.data.missing=skip"
        )
    if not exists.all(0).any():
        raise InputError(f"no record in {source_dir} has all {len(image_paths)} images")
    return metadata[exists.all(0)].reset_index(drop=True), source


def open_present(
    config: ml_collections.ConfigDict, screen: Screen, metadata: pd.DataFrame
) -> tuple[pd.DataFrame, RawFiles]:
    """Opens a config's raw screen; returns as `present`.

    Args:
      config: data.source_dir, missing and outside are read.
      screen: the spec.
      metadata: N rows as from `read_metadata`.

    Raises:
      InputError: as `present`.
    """
    data = config.data
    return present(
        screen, data.source_dir, metadata, missing=data.missing, outside=data.outside
    )


def _find(
    screen: Screen, source_dir: str, wanted: set[str], extra: set[str]
) -> tuple[RawFiles, set[str]]:
    """Opens the files; returns them and the wanted and extra paths that exist."""
    source = screen.open_files(source_dir)
    if screen.pattern.is_open:
        source = source.match_wildcards(wanted | extra, screen.ignored_files)
        return source, set(source.spellings.wanted())
    existing = source.existing(wanted | extra)
    if wanted <= existing:  # the usual case; no extra path should exist
        return source, existing
    source = source.match_spellings((wanted | extra) - existing, taken=existing)
    return source, existing.union(source.spellings.wanted())


def spelled_otherwise(screen: Screen, source: RawFiles) -> list[str]:
    """Remarks on files whose path is spelled otherwise in the table."""
    wanted_paths = source.spellings.wanted()
    respelled = [
        path
        for path in wanted_paths
        if not wildcards.fits(source.spellings.actual(path), path)
    ]
    if not respelled:
        return []
    counted = "1 image is" if len(respelled) == 1 else f"{len(respelled)} images are"
    where = screen.metadata or "the record's first file"
    actual, wanted_path = source.spellings.actual(respelled[0]), respelled[0]
    if names.clean(actual) == names.clean(wanted_path):  # they look the same
        actual, wanted_path = ascii(actual), ascii(wanted_path)
    return [
        f"{counted} spelled otherwise than {where} has it, such as "
        f"{actual} for {wanted_path}: found all the same"
    ]


def _check_apart(
    screen: Screen, metadata: pd.DataFrame, image_paths: Sequence[Sequence[str]]
) -> None:
    """Raises if two records would have the same image."""
    doubled = [
        path
        for paths_of_channel in image_paths
        for path, count in collections.Counter(paths_of_channel).items()
        if count > 1
    ]
    if doubled:
        rows = [
            row
            for paths_of_channel in image_paths
            for row, path in enumerate(paths_of_channel)
            if path == doubled[0]
        ]
        first, second = record_ids(screen, metadata).iloc[rows[:2]]
        raise InputError(
            f"{len(doubled)} images belong to more than one record, such as "
            f"{doubled[0]!r} to {first} and {second}: the pattern {screen.file!r} or "
            "its columns do not tell the records apart"
        )


def _check_complete(
    screen: Screen, image_paths: Sequence[Sequence[str]], exists: np.ndarray
) -> None:
    """Raises if no record that the files' names give has all its images.

    Such are files with a part of the name that differs from file to file.
    """
    if screen.metadata or exists.all(0).any():
        return
    lacking = image_paths[int(exists[:, 0].argmin())][0]
    raise InputError(
        f"no record that the names of files give has an image of every channel: for "
        f"{image_paths[int(exists[:, 0].argmax())][0]} there is no {lacking}; write * "
        f"in place of what differs from channel to channel in config.screen.file="
        f"{screen.file!r}"
    )


def _next_channel(screen: Screen, metadata: pd.DataFrame) -> list[str]:
    """Returns the paths of a channel more, if channels are numbered."""
    per_channel = screen.file_per_channel and not screen.pattern.columns_per_channel
    if not per_channel or screen.channel_codes:
        return []
    code = str(len(screen.channels) + 1)
    return [screen.image_path(row, code) for row in _rows(screen, metadata)]


def _check_channels(
    screen: Screen,
    source: RawFiles,
    image_paths: Sequence[Sequence[str]],
    exists: np.ndarray,
) -> None:
    """Raises if a channel has no image at all."""
    source_dir = source.source_dir
    if not exists.any():
        raise InputError(
            f"none of the {exists.size} images named by {screen.metadata} is in "
            f"{source_dir}; the first would be {image_paths[0][0]} (pattern "
            f"{screen.file!r}){_example(source)}"
        )
    if not screen.file_per_channel:
        return
    for name, channel_paths, channel_exists in zip(
        screen.channels, image_paths, exists, strict=True
    ):
        if not channel_exists.any():
            raise InputError(
                f"{source_dir} has no image of channel {name!r} (such as "
                f"{channel_paths[0]}), but screen {screen.name!r} has "
                f"{len(image_paths)} channels"
            )


def _example(source: RawFiles) -> str:
    """Names an image that exists, for a message."""
    image = found_records.example(source)
    no_plate = f"; {source.no_plates[0]}" if source.no_plates else ""
    return (f"; there is, for example, {image}" if image else "") + no_plate


def _check_surplus(
    screen: Screen, source_dir: str, extra: Sequence[str], existing: set[str]
) -> None:
    """Raises if images of one channel more than the spec's exist."""
    surplus = [path for path in extra if path in existing]
    if surplus:
        count = len(screen.channels)
        raise InputError(
            f"{source_dir} has {len(surplus)} images of a channel {count + 1} "
            f"(such as {surplus[0]}), but screen {screen.name!r} has {count}"
        )


def common_format(source: RawFiles, files: Sequence[str], planes: int) -> ImageFormat:
    """Returns the format that all images share, from their headers alone.

    Args:
      source: the raw screen's files.
      files: paths of its images.
      planes: channels in each file.

    Raises:
      InputError: some cannot be read or hold other channels, or differ from most.
    """
    formats = _formats(source, files)
    usable_formats = (
        f for f in formats if isinstance(f, ImageFormat) and f.planes == planes
    )
    counts = collections.Counter(usable_formats)
    common = counts.most_common(1)[0][0] if counts else None
    bad = {
        source.spellings.actual(file): image_format
        if isinstance(image_format, str)
        else _described(image_format, planes)
        for file, image_format in zip(files, formats, strict=True)
        if image_format != common
    }
    if bad:
        expected = str(common) if common else _planes_wanted(planes)
        raise unusable(source.source_dir, bad, len(files), expected=expected)
    return common


def _described(image_format: ImageFormat, planes: int) -> str:
    """Describes a format that is not the wanted one, with a likely reason."""
    if planes > 1 and image_format.width_px == planes:
        return (
            f"{image_format}: its last axis seems to be the channels; save them as "
            "pages"
        )
    return (
        f"{image_format}, 1 channel"
        if planes > 1 and image_format.planes == 1
        else str(image_format)
    )


def _planes_wanted(planes: int) -> str:
    return "8- or 16-bit, " + (f"{planes} channels" if planes > 1 else "one channel")


def _formats(source: RawFiles, files: Sequence[str]) -> list[ImageFormat | str]:
    """Reads the headers, showing progress: a screen may have millions."""
    formats, progress = [], Progress("check", len(files), "images")
    shared: dict[ImageFormat | str, ImageFormat | str] = {}  # equal ones are one object
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(files), QUEUED):
            batch = files[start : start + QUEUED]
            for image_format in pool.map(
                lambda file: _file_format(source, file), batch
            ):
                formats.append(shared.setdefault(image_format, image_format))
                progress.update(1)
    progress.close()
    return formats


def _file_format(source: RawFiles, path: str) -> ImageFormat | str:
    try:
        return source.read_format(path)
    except Unreadable as error:
        return str(error)


def unusable(
    source_dir: str, bad: Mapping[str, object], total: int, expected: str
) -> InputError:
    """Makes the error that counts and names bad images.

    Args:
      source_dir: the raw screen.
      bad: path to what is wrong with the image.
      total: number of images.
      expected: description of the wanted format.
    """
    first = [f"{path} ({reason})" for path, reason in list(bad.items())[:NAMED]]
    return InputError(
        f"{len(bad)} of {total} images in {source_dir} cannot be used (expected: "
        f"{expected}, PNG or TIFF): {', '.join(first)}"
        f"{', ...' if len(bad) > NAMED else ''}"
    )
