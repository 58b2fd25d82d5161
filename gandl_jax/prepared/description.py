"""Checks the description of a prepared screen: nothing in the file is trusted.

Imports nothing slow.
"""

import math
import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from gandl_jax.raw import limits

PLATES = "plate_statistics"  # statistics of each plate
MANIFEST = "manifest"  # digests of its files, and counts
REMARKS = "remarks"  # oddities of the table and the images
SOURCE_TABLE = "source_table.parquet"  # the file's digest, under its name
CHANGED_TABLE = "changed_table.parquet"  # the present table, if it changed since
GENERATED = "generated"  # in a plan: what drew the images of a simulated screen
LABELS = "labels"  # in a plan: what the config says of records, not of images
COUNTED = "plates_counted_by"  # in a plan: the columns of the plates in the facts
TFDS_METADATA = "dataset_info.json", "features.json"  # which TFDS reads

_NEEDED = {
    "name": str,
    "channels": list,
    "height_px": int,
    "width_px": int,
    "bit_depth": int,
    "statistics": dict,
    "files": list,
    "plan": dict,
}
_MORE = {  # former versions lack some
    "records": int,
    "records_skipped_as_missing": int,
    PLATES: dict,
    MANIFEST: dict,
    REMARKS: dict,
    SOURCE_TABLE: dict,
    CHANGED_TABLE: dict,
}
_OF_A_PLAN = {
    "records": int,
    LABELS: dict,
    COUNTED: list,
    "downscale": int,
    "white_level": int,
}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES = 2**62  # of a file


def checked(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the known entries of a description after checking them.

    Args:
      content: as parsed from `screen.json`, without its digest.

    Raises:
      ValueError: something is of another type or size than `prepare` writes.
    """
    _check_types(content, _NEEDED, "")
    more = {key: type_ for key, type_ in _MORE.items() if key in content}
    _check_types(content, more, "")
    _check_images(content)
    _check_files(content["files"], content["name"])
    _check_plan(content["plan"])
    channels, most = content["channels"], 2 ** content["bit_depth"] - 1
    _check_levels("statistics", content["statistics"], channels, most)
    for plate, levels in content.get(PLATES, {}).items():
        _check_levels(f"{PLATES} of {plate!r}", levels, channels, most)
    for key in ("records", "records_skipped_as_missing"):
        _need(0 <= content.get(key, 0) < _MOST_BYTES, key, content.get(key))
    for name in content.keys() & {SOURCE_TABLE, CHANGED_TABLE}:
        _check_digest(name, content[name])
    if MANIFEST in content:
        _check_manifest(content[MANIFEST], content["files"])
    for key in ("table", "images"):
        remarks = content.get(REMARKS, {}).get(key, [])
        _need(_is_texts(remarks), f"{REMARKS}: {key}", remarks)
    return {key: content[key] for key in (*_NEEDED, *more)}


def shard_name(screen: str, number: int, count: int) -> str:
    """Names a shard's file as TFDS expects it.

    Args:
      screen: name of the screen.
      number: of the shard, from 0.
      count: of the shards.
    """
    return f"{screen}-train.tfrecord-{number:05d}-of-{count:05d}"


def _need(holds: bool, label: str, value: Any) -> None:
    if not holds:
        raise ValueError(f"{label} cannot be {reprlib.repr(value)}")


def _check_types(
    content: Mapping[str, Any], types: Mapping[str, type], prefix: str
) -> None:
    for key, type_ in types.items():
        if key not in content:
            raise ValueError(f"it lacks {prefix}{key!r}")
        _need(type(content[key]) is type_, f"{prefix}{key!r}", content[key])


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _check_images(content: Mapping[str, Any]) -> None:
    """Checks the channels, the sides and the depth."""
    channels, size = content["channels"], (content["height_px"], content["width_px"])
    named = bool(channels) and _is_texts(channels)
    _need(named and len(set(channels)) == len(channels), "channels", channels)
    sides = min(size) > 0 and math.prod(size) <= limits.MOST_PX
    _need(sides, "height_px and width_px", size)
    _need(content["bit_depth"] in (8, 16), "bit_depth", content["bit_depth"])


def _check_files(files: list[Any], screen: str) -> None:
    """Checks the shards' names, which are also paths below the folder."""
    _need(bool(screen) and "/" not in screen, "name", screen)
    _need(bool(files), "files", files)
    for number, name in enumerate(files):
        _need(name == shard_name(screen, number, len(files)), "files", name)


def _check_plan(plan: Mapping[str, Any]) -> None:
    types = {key: type_ for key, type_ in _OF_A_PLAN.items() if key in plan}
    _check_types(plan, {"metadata_sha256": str} | types, "plan: ")
    low, high = plan.get("low_percentile", 0), plan.get("high_percentile", 100)
    ascend = _is_number(low) and _is_number(high) and 0 <= low < high <= 100
    _need(ascend, "plan: low_percentile and high_percentile", (low, high))
    counted_by = plan.get(COUNTED, ["", ""])
    _need(
        _is_texts(counted_by) and len(counted_by) == 2, f"plan: {COUNTED}", counted_by
    )


def _check_levels(
    prefix: str, statistics: Any, channels: Iterable[str], most: int
) -> None:
    """Checks the grey levels of every channel: from 0 to the most, and ascending."""
    _need(isinstance(statistics, dict), prefix, statistics)
    for channel in channels:
        levels, label = statistics.get(channel), f"{prefix} of channel {channel!r}"
        _need(isinstance(levels, dict), label, levels)
        for key in ("low", "high", *levels):
            _need(_is_level(levels.get(key), most), f"{label}: {key}", levels.get(key))
        _need(levels["low"] <= levels["high"], f"{label}: low and high", levels)
        _need(
            levels.get("min", 0) <= levels.get("max", most),
            f"{label}: min and max",
            levels,
        )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)  # a bool is an int, too


def _is_level(value: Any, most: int) -> bool:
    return _is_number(value) and 0 <= value <= most  # false for NaN


def _check_manifest(manifest: Mapping[str, Any], shards: Iterable[str]) -> None:
    files = manifest.get("files")
    _need(isinstance(files, dict), f"{MANIFEST}: files", files)
    for name, digest in files.items():
        _need("/" not in name, f"{MANIFEST}: files", name)
        _check_digest(f"{MANIFEST} of {name!r}", digest)
    for name in shards:
        count = files.get(name, {}).get("records")
        _need(type(count) is int and count > 0, f"{MANIFEST} of {name!r}", count)


def _check_digest(label: str, digest: Any) -> None:
    sha256, size = (
        (digest.get("sha256"), digest.get("bytes"))
        if isinstance(digest, dict)
        else (None, None)
    )
    well_formed = isinstance(sha256, str) and bool(_SHA256.fullmatch(sha256))
    _need(well_formed, f"{label}: sha256", sha256)
    _need(type(size) is int and 0 <= size < _MOST_BYTES, f"{label}: bytes", size)
