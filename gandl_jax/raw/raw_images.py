"""The images of a raw screen: where they are, which are missing, their format."""

import collections
import concurrent.futures
import itertools
import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError
from gandl_jax.progress import Progress
from gandl_jax.raw import confined, found_records, ome_channels, wildcards
from gandl_jax.raw.image_files import ImageFormat, Unreadable
from gandl_jax.raw.raw_files import RawFiles
from gandl_jax.raw.screen import Screen, record_ids

NAMED = 3  # an error names this many of the images that it counts
THREADS = 4 * (os.cpu_count() or 1)  # reading waits for the disk or the network
QUEUED = 4096  # a header that is asked for takes a kilobyte until it is told


def paths(screen: Screen, metadata: pd.DataFrame) -> list[list[str]]:
    """Paths of all images below the source directory.

    Returns:
      For each channel, or for the one file that holds them all, those of the N records.
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
    """The rows of the metadata whose images are all there, and the files.

    An image is there too where one file has its path but for the spelling.

    Args:
      screen: the spec.
      source_dir: the raw screen.
      metadata: N rows as from `read_metadata`.
      missing: "fail", or "skip" to leave out records that lack an image.
      outside: "refuse" paths that lead out of the raw screen, or "allow" them.

    Returns:
      The rows, and the raw screen's files, by the paths that the rows give them.

    Raises:
      InputError: images are missing and `missing` is "fail"; no record is left; or
        the screen's channels are not those of the files; or it is not clear which
        file is an image; or a path leads out of the raw screen.
    """
    files = paths(screen, metadata)
    confined.check_paths(itertools.chain(*files), source_dir, outside)
    _check_apart(screen, metadata, files)
    extra = _next_channel(screen, metadata)
    source, listed = _find(screen, source_dir, {*itertools.chain(*files)}, {*extra})
    there = np.array([[f in listed for f in group] for group in files])
    _check_channels(screen, source, files, there)
    _check_surplus(screen, source_dir, extra, listed)
    ome_channels.check(screen.channels, source.plates)
    _check_whole(screen, files, there)
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
        raise InputError(f"no record in {source_dir} has all {len(files)} images")
    return metadata[there.all(0)].reset_index(drop=True), source


def _find(
    screen: Screen, source_dir: str, wanted: set[str], extra: set[str]
) -> tuple[RawFiles, set[str]]:
    """The files, and the wanted and the extra paths by which they have one."""
    source = screen.open_files(source_dir)
    if screen.pattern.is_open:
        source = source.find_open(wanted | extra, screen.ignored_files)
        return source, set(source.spellings.wanted())
    listed = source.there(wanted | extra)
    if wanted <= listed:  # as ever: of the extra ones none should be there
        return source, listed
    source = source.find((wanted | extra) - listed, taken=listed)
    return source, listed.union(source.spellings.wanted())


def spelled_otherwise(screen: Screen, source: RawFiles) -> list[str]:
    """A remark on the files whose path is not as the table has it."""
    asked = source.spellings.wanted()
    wanted = [p for p in asked if not wildcards.fits(source.spellings.actual(p), p)]
    if not wanted:
        return []
    many = "1 image is" if len(wanted) == 1 else f"{len(wanted)} images are"
    where = screen.metadata or "the record's first file"
    one, other = source.spellings.actual(wanted[0]), wanted[0]
    if names.clean(one) == names.clean(other):  # they look the same
        one, other = ascii(one), ascii(other)
    return [
        f"{many} spelled otherwise than {where} has it, such as "
        f"{one} for {other}: found all the same"
    ]


def _check_apart(
    screen: Screen, metadata: pd.DataFrame, files: Sequence[Sequence[str]]
) -> None:
    """Raises where two records would have the same image."""
    doubled = [
        path
        for group in files
        for path, count in collections.Counter(group).items()
        if count > 1
    ]
    if doubled:
        where = [i for group in files for i, p in enumerate(group) if p == doubled[0]]
        one, other = record_ids(screen, metadata).iloc[where[:2]]
        raise InputError(
            f"{len(doubled)} images belong to more than one record, such as "
            f"{doubled[0]!r} to {one} and {other}: the pattern {screen.file!r} or its "
            "columns do not tell the records apart"
        )


def _check_whole(
    screen: Screen, files: Sequence[Sequence[str]], there: np.ndarray
) -> None:
    """Raises where names of files give no record all its images.

    So it is where a part of the name is another for each file.
    """
    if screen.metadata or there.all(0).any():
        return
    lacking = files[int(there[:, 0].argmin())][0]
    raise InputError(
        f"no record that the names of files give has an image of every channel: for "
        f"{files[int(there[:, 0].argmax())][0]} there is no {lacking}; write * in "
        f"place of what differs from channel to channel in config.screen.file="
        f"{screen.file!r}"
    )


def _next_channel(screen: Screen, metadata: pd.DataFrame) -> list[str]:
    """Where the images of one channel more would be, where channels are numbered."""
    per_channel = screen.file_per_channel and not screen.pattern.columns_per_channel
    if not per_channel or screen.channel_codes:
        return []
    code = str(len(screen.channels) + 1)
    return [screen.image_path(row, code) for row in _rows(screen, metadata)]


def _check_channels(
    screen: Screen,
    source: RawFiles,
    files: Sequence[Sequence[str]],
    there: np.ndarray,
) -> None:
    """Raises where a channel has no image at all."""
    source_dir = source.source_dir
    if not there.any():
        raise InputError(
            f"none of the {there.size} images named by {screen.metadata} is in "
            f"{source_dir}; the first would be {files[0][0]} (pattern "
            f"{screen.file!r}){_instead(source)}"
        )
    if not screen.file_per_channel:
        return
    for name, paths_, ok in zip(screen.channels, files, there, strict=True):
        if not ok.any():
            raise InputError(
                f"{source_dir} has no image of channel {name!r} (such as {paths_[0]}), "
                f"but screen {screen.name!r} has {len(files)} channels"
            )


def _instead(source: RawFiles) -> str:
    """An image that is there, for a message."""
    image = found_records.example(source)
    odd = f"; {source.no_plates[0]}" if source.no_plates else ""
    return (f"; there is, for example, {image}" if image else "") + odd


def _check_surplus(
    screen: Screen, source_dir: str, extra: Sequence[str], listed: set[str]
) -> None:
    """Raises where there are images of one channel more than the spec has."""
    surplus = [path for path in extra if path in listed]
    if surplus:
        count = len(screen.channels)
        raise InputError(
            f"{source_dir} has {len(surplus)} images of a channel {count + 1} "
            f"(such as {surplus[0]}), but screen {screen.name!r} has {count}"
        )


def common_format(source: RawFiles, files: Sequence[str], planes: int) -> ImageFormat:
    """The format that all images share, from their headers alone.

    Args:
      source: the raw screen's files.
      files: paths of its images.
      planes: channels in each file.

    Raises:
      InputError: some cannot be read or hold other channels, or differ from most.
    """
    formats = _formats(source, files)
    usable = (f for f in formats if isinstance(f, ImageFormat) and f.planes == planes)
    counts = collections.Counter(usable)
    common = counts.most_common(1)[0][0] if counts else None
    bad = {
        source.spellings.actual(file): found
        if isinstance(found, str)
        else _described(found, planes)
        for file, found in zip(files, formats, strict=True)
        if found != common
    }
    if bad:
        expected = str(common) if common else _planes_wanted(planes)
        raise unusable(source.source_dir, bad, len(files), expected=expected)
    return common


def _described(found: ImageFormat, planes: int) -> str:
    """A format that is not the wanted one, with the guess that helps."""
    if planes > 1 and found.width_px == planes:
        return f"{found}: its last axis seems to be the channels; save them as pages"
    return f"{found}, 1 channel" if planes > 1 and found.planes == 1 else str(found)


def _planes_wanted(planes: int) -> str:
    return "8- or 16-bit, " + (f"{planes} channels" if planes > 1 else "one channel")


def _formats(source: RawFiles, files: Sequence[str]) -> list[ImageFormat | str]:
    """Reads the headers, telling how it goes: a screen may have millions."""
    formats, progress = [], Progress("check", len(files), "images")
    seen: dict[ImageFormat | str, ImageFormat | str] = {}  # each is kept once
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(files), QUEUED):
            some = files[start : start + QUEUED]
            for found in pool.map(lambda file: _file_format(source, file), some):
                formats.append(seen.setdefault(found, found))
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
    """The error that counts and names bad images; `bad` is path to what is wrong."""
    first = [f"{path} ({reason})" for path, reason in list(bad.items())[:NAMED]]
    return InputError(
        f"{len(bad)} of {total} images in {source_dir} cannot be used (expected: "
        f"{expected}, PNG or TIFF): {', '.join(first)}"
        f"{', ...' if len(bad) > NAMED else ''}"
    )
