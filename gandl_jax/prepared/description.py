"""Checks the description of a prepared screen, which is data of whoever wrote it.

Imports nothing slow.
"""

import math
import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from gandl_jax.raw import limits

PLATES = "plate_statistics"  # those of each plate, as it was counted
MANIFEST = "manifest"  # what its files must be, and the counts
REMARKS = "remarks"  # what was odd, of the table and the images
SOURCE_TABLE = "source_table.parquet"  # the file's digest, under its name
CHANGED_TABLE = "changed_table.parquet"  # the table as it is since, where it changed
GENERATED = "generated"  # in a plan: what drew the images, where nobody took them
LABELS = "labels"  # in a plan: what the config says of records, not of their images
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
    """The parts of a description that are known, once they are what they should be.

    Args:
      content: as parsed from `screen.json`, without its digest.

    Raises:
      ValueError: something is of another type or size than `prepare` writes.
    """
    _check_types(content, _NEEDED, "")
    more = {key: kind for key, kind in _MORE.items() if key in content}
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
        told = content.get(REMARKS, {}).get(key, [])
        _need(_is_texts(told), f"{REMARKS}: {key}", told)
    return {key: content[key] for key in (*_NEEDED, *more)}


def shard_name(screen: str, number: int, count: int) -> str:
    """A shard's file name as TFDS expects it.

    Args:
      screen: name of the screen.
      number: of the shard, from 0.
      count: of the shards.
    """
    return f"{screen}-train.tfrecord-{number:05d}-of-{count:05d}"


def _need(holds: bool, what: str, value: Any) -> None:
    if not holds:
        raise ValueError(f"{what} cannot be {reprlib.repr(value)}")


def _check_types(
    content: Mapping[str, Any], kinds: Mapping[str, type], where: str
) -> None:
    for key, kind in kinds.items():
        if key not in content:
            raise ValueError(f"it lacks {where}{key!r}")
        _need(type(content[key]) is kind, f"{where}{key!r}", content[key])


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _check_images(content: Mapping[str, Any]) -> None:
    """The channels, the sides and the depth."""
    channels, size = content["channels"], (content["height_px"], content["width_px"])
    named = bool(channels) and _is_texts(channels)
    _need(named and len(set(channels)) == len(channels), "channels", channels)
    sides = min(size) > 0 and math.prod(size) <= limits.MOST_PX
    _need(sides, "height_px and width_px", size)
    _need(content["bit_depth"] in (8, 16), "bit_depth", content["bit_depth"])


def _check_files(files: list[Any], screen: str) -> None:
    """The shards' names, which are also paths below the folder."""
    _need(bool(screen) and "/" not in screen, "name", screen)
    _need(bool(files), "files", files)
    for number, name in enumerate(files):
        _need(name == shard_name(screen, number, len(files)), "files", name)


def _check_plan(plan: Mapping[str, Any]) -> None:
    kinds = {key: kind for key, kind in _OF_A_PLAN.items() if key in plan}
    _check_types(plan, {"metadata_sha256": str} | kinds, "plan: ")
    low, high = plan.get("low_percentile", 0), plan.get("high_percentile", 100)
    ascend = _is_number(low) and _is_number(high) and 0 <= low < high <= 100
    _need(ascend, "plan: low_percentile and high_percentile", (low, high))
    by = plan.get(COUNTED, ["", ""])
    _need(_is_texts(by) and len(by) == 2, f"plan: {COUNTED}", by)


def _check_levels(
    where: str, statistics: Any, channels: Iterable[str], most: int
) -> None:
    """Grey levels of every channel: from 0 to the most, in their order."""
    _need(isinstance(statistics, dict), where, statistics)
    for channel in channels:
        one, of = statistics.get(channel), f"{where} of channel {channel!r}"
        _need(isinstance(one, dict), of, one)
        for key in ("low", "high", *one):
            _need(_is_level(one.get(key), most), f"{of}: {key}", one.get(key))
        _need(one["low"] <= one["high"], f"{of}: low and high", one)
        _need(one.get("min", 0) <= one.get("max", most), f"{of}: min and max", one)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)  # a bool is an int, too


def _is_level(value: Any, most: int) -> bool:
    return _is_number(value) and 0 <= value <= most  # as no NaN is


def _check_manifest(manifest: Mapping[str, Any], shards: Iterable[str]) -> None:
    files = manifest.get("files")
    _need(isinstance(files, dict), f"{MANIFEST}: files", files)
    for name, digest in files.items():
        _need("/" not in name, f"{MANIFEST}: files", name)
        _check_digest(f"{MANIFEST} of {name!r}", digest)
    for name in shards:
        count = files.get(name, {}).get("records")
        _need(type(count) is int and count > 0, f"{MANIFEST} of {name!r}", count)


def _check_digest(where: str, digest: Any) -> None:
    sha256, size = (
        (digest.get("sha256"), digest.get("bytes"))
        if isinstance(digest, dict)
        else (None, None)
    )
    well_formed = isinstance(sha256, str) and bool(_SHA256.fullmatch(sha256))
    _need(well_formed, f"{where}: sha256", sha256)
    _need(type(size) is int and 0 <= size < _MOST_BYTES, f"{where}: bytes", size)
