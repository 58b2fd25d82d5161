"""Writes the description of a prepared screen's shards from their counts.

The shards themselves are not touched.
"""

import dataclasses
import functools
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import csv_files, files, sealed_json
from gandl_jax.errors import InputError
from gandl_jax.prepared import (
    illumination,
    image_quality,
    manifest,
    remarks,
    shard_counts,
    shards,
    work_folder,
)
from gandl_jax.prepared.description import (
    CHANGED_TABLE,
    MANIFEST,
    PLATES,
    REMARKS,
    SOURCE_TABLE,
    shard_name,
)
from gandl_jax.prepared.prepared import DESCRIPTION, ODD_IMAGES, PLAN, RECORDS
from gandl_jax.prepared.shards import Shard
from gandl_jax.raw.screen import Screen, record_ids, table

WHOLE = ""  # key of the levels of all plates
Statistics = Mapping[str, Mapping[str, float]]  # of each channel
Levels = Mapping[str, Statistics]


@dataclasses.dataclass(frozen=True)
class Describing:
    """A screen whose shards are all there, to be described.

    Attributes:
      spec: of the screen.
      metadata: its N records, as the shards have them.
      changed: the same rows in the raw screen's present table; None if it has not
        changed.
      parts: its shards, as from `shards.plan`.
      folder: of the prepared screen.
      plan: written beside the shards, and into the description.
      notes: remarks on the table.
      levels: channel to "low" and "high", by plate and, under `WHOLE`, of the screen,
        instead of percentiles of its images; for images that were generated at another
        screen's levels.
    """

    spec: Screen
    metadata: pd.DataFrame
    parts: Sequence[Shard]
    folder: epath.Path
    plan: Mapping[str, Any]
    notes: Sequence[str]
    changed: pd.DataFrame | None = None
    levels: Levels = dataclasses.field(default_factory=dict)

    @property
    def order(self) -> np.ndarray:
        """[N] int64, the metadata's rows in stored order."""
        return np.concatenate([part.rows for part in self.parts])

    @property
    def source(self) -> pd.DataFrame:
        """The metadata in stored order, as the shards have it."""
        return self._stored(self.metadata)

    @property
    def labels(self) -> pd.DataFrame:
        """The metadata in stored order, as the raw screen's table has it now."""
        return self._stored(self.metadata if self.changed is None else self.changed)

    def _stored(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.iloc[self.order].reset_index(drop=True)

    def counts(self) -> shard_counts.ShardCounts:
        """Reads the counts of all shards.

        Raises:
          InputError: some are damaged, or belong to other shards.
        """
        counted = shard_counts.read(str(self.folder), len(self.parts))
        for part, lengths in zip(self.parts, counted.lengths, strict=True):
            shard = self.folder / shard_name(self.spec.name, part.number, part.count)
            size = int(lengths.sum()) + shards.FRAME_BYTES * len(lengths)
            if len(lengths) != len(part.rows) or shard.stat().length != size:
                file = shard_counts.path(str(self.folder), part.number)
                raise InputError(
                    f"{file} is of another shard than {shard}: delete both and run "
                    "--job=prepare again, which writes them anew"
                )
        return counted


def describe(screen: Describing, raw: shards.Raw, *, skipped: int) -> None:
    """Writes the table of records, the TFDS metadata and, last, the description.

    Args:
      screen: to describe.
      raw: the screen that the shards were written from.
      skipped: number of records that were left out.

    Raises:
      InputError: a shard's counts are damaged; nothing was written.
      RunError: the folder cannot be written.
    """
    counted = screen.counts()
    name, channels, plan = screen.spec.name, screen.spec.channels, screen.plan
    histograms = sum(counted.histograms.values())
    height_px, width_px = raw.size_px
    description = {
        "name": name,
        "channels": list(channels),
        "height_px": height_px,
        "width_px": width_px,
        "bit_depth": raw.bit_depth,
        "records": len(screen.metadata),
        "records_skipped_as_missing": skipped,
        "statistics": _with_levels(
            shard_counts.statistics_of_channels(channels, histograms, plan),
            screen.levels.get(WHOLE, {}),
        ),
        "files": [
            shard_name(name, shard.number, shard.count) for shard in screen.parts
        ],
    }
    odd = []
    if counted.images is not None:
        odd = _image_remarks(screen, raw, description["statistics"], counted.images)
    if counted.quality is not None:
        odd += _quality_remarks(screen, raw, counted.quality, histograms)
    with work_folder.writing(screen.folder):
        shards.write_tfds_metadata(str(screen.folder), raw, counted.lengths)
        _write(screen, counted, description, odd)
    for remark in odd:
        print(f"note: {remark}")
    left_out = f", {skipped} left out as images are missing" if skipped else ""
    print(
        f"{screen.folder}: {len(screen.metadata)} records in {len(screen.parts)} "
        f"shards{left_out}"
    )


def add_source_table(
    folder: epath.Path,
    description: Mapping[str, Any],
    plan: Mapping[str, Any],
    source: pd.DataFrame,
) -> None:
    """Adds the raw screen's table to a folder that a former version prepared.

    Args:
      folder: of the prepared screen.
      description: of it.
      plan: to be written.
      source: [N] rows of the table, in stored order.

    Raises:
      RunError: the folder cannot be written.
    """
    with work_folder.writing(folder):
        digest = _write_source(folder, SOURCE_TABLE, source)
        sealed_json.write(folder / PLAN, plan)
        sealed_json.write(
            folder / DESCRIPTION,
            {**description, "plan": plan, SOURCE_TABLE: digest},
        )


def take_labels(description: Mapping[str, Any], screen: Describing) -> bool:
    """Writes the raw screen's present table beside that of the shards.

    Args:
      description: of the complete screen.
      screen: to describe.

    Returns:
      Whether the table has changed.

    Raises:
      RunError: the folder cannot be written.
    """
    kept = CHANGED_TABLE if CHANGED_TABLE in description else SOURCE_TABLE
    before = pd.read_parquet(io.BytesIO(files.read_bytes(screen.folder / kept)))
    if before.equals(screen.labels):
        return False
    with work_folder.writing(screen.folder):
        updated = {
            key: value for key, value in description.items() if key != CHANGED_TABLE
        }
        updated |= _write_changed(screen) | {"plan": screen.plan}
        if REMARKS in updated:
            updated[REMARKS] = {**updated[REMARKS], "table": list(screen.notes)}
        sealed_json.write(screen.folder / PLAN, screen.plan)
        sealed_json.write(screen.folder / DESCRIPTION, updated)
        if screen.changed is None:
            (screen.folder / CHANGED_TABLE).unlink(missing_ok=True)
    return True


def _write_changed(screen: Describing) -> dict[str, Any]:
    """Writes the present table if it has changed; returns its name and digest."""
    if screen.changed is None:
        return {}
    return {CHANGED_TABLE: _write_source(screen.folder, CHANGED_TABLE, screen.labels)}


def _write(
    screen: Describing,
    counted: shard_counts.ShardCounts,
    description: Mapping[str, Any],
    odd: Sequence[str],
) -> None:
    """Writes the tables, the illumination and, last, the description.

    Args:
      screen: to describe.
      counted: its counts.
      description: its entries so far.
      odd: remarks on the images.
    """
    folder, plan = screen.folder, screen.plan
    # Removed until the new one is written: files of two preparations are no screen.
    (folder / DESCRIPTION).unlink(missing_ok=True)
    sealed_json.write(folder / PLAN, plan)
    records = table(screen.spec, screen.labels)
    _write_records(folder, records, counted)
    size_px = description["height_px"], description["width_px"]
    _write_illumination(folder, counted, size_px)
    description = {
        **description,
        PLATES: _plate_statistics(screen, counted.histograms),
        "plan": plan,
        SOURCE_TABLE: _write_source(folder, SOURCE_TABLE, screen.source),
        **_write_changed(screen),
    }
    if counted.written:
        written = dict(zip(description["files"], counted.written, strict=True))
        channels = screen.spec.channels
        description[MANIFEST] = manifest.make(folder, written, records, channels)
        description[REMARKS] = {"table": list(screen.notes), "images": list(odd)}
    sealed_json.write(folder / DESCRIPTION, description)


def _quality_remarks(
    screen: Describing, raw: shards.Raw, measured: np.ndarray, histograms: np.ndarray
) -> list[str]:
    """Remarks on images that stand out by simple measures, and lists them in a file."""
    quality = image_quality.judge(measured, histograms)
    image_name = functools.partial(_image, screen, raw)
    names = record_ids(screen.spec, screen.source).to_numpy(object)
    with work_folder.writing(screen.folder):
        csv_files.write(
            screen.folder / ODD_IMAGES,
            image_quality.table(quality, screen.spec.channels, names, image_name),
        )
    return remarks.quality(quality, screen.spec.channels, image_name)


def _image_remarks(
    screen: Describing,
    raw: shards.Raw,
    statistics: Mapping[str, Mapping[str, float]],
    images: np.ndarray,
) -> list[str]:
    """Remarks on the images [N, C, 3], in stored order."""
    image_name, pixels = functools.partial(_image, screen, raw), math.prod(raw.size_px)
    return [
        *remarks.levels(statistics, raw.bit_depth),
        *remarks.images(images, screen.spec.channels, image_name, pixels=pixels),
    ]


def _image(screen: Describing, raw: shards.Raw, record: int, channel: int) -> str:
    """Names the image of a record, in stored order, and a channel."""
    spec, row = screen.spec, screen.metadata.iloc[screen.order[record]].to_dict()
    paths = [raw.source.spellings.actual(path) for path in spec.image_paths(row)]
    if spec.planes == 1:
        return paths[channel]
    return f"{paths[0]} ({spec.channels[channel]})"


def _write_records(
    folder: epath.Path, records: pd.DataFrame, counted: shard_counts.ShardCounts
) -> None:
    locations = shards.locations(counted.lengths, counted.digests)
    with files.replacing(folder / RECORDS) as file:
        pd.concat([records, locations], axis=1).to_parquet(file)


def _write_source(
    folder: epath.Path, name: str, source: pd.DataFrame
) -> dict[str, Any]:
    """Writes the raw screen's table; returns the file's digest."""
    with files.replacing(folder / name) as file:
        source.to_parquet(file, index=False)
    return manifest.digest(folder / name)


def _write_illumination(
    folder: epath.Path, counted: shard_counts.ShardCounts, size_px: tuple[int, int]
) -> None:
    """Writes the fields of all plates, unless a former version began the shards."""
    if counted.blocks:
        by_plate = {
            plate: illumination.fields(sums, *size_px)
            for plate, sums in sorted(counted.blocks.items())
        }
        illumination.write(folder, by_plate)


def _plate_statistics(
    screen: Describing, by_plate: Mapping[str, np.ndarray]
) -> dict[str, Statistics]:
    """Returns plate to its channels' statistics; {} if the screen has no plates."""
    if by_plate.keys() == {""}:
        return {}
    channels, plan = screen.spec.channels, screen.plan
    return {
        plate: _with_levels(
            shard_counts.statistics_of_channels(channels, histograms, plan),
            screen.levels.get(plate, {}),
        )
        for plate, histograms in sorted(by_plate.items())
    }


def _with_levels(counted: Statistics, levels: Statistics) -> Statistics:
    """Replaces "low" and "high" of the channels in `levels`."""
    return {
        name: {**statistics, **levels.get(name, {})}
        for name, statistics in counted.items()
    }
