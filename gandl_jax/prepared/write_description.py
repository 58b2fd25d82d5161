"""What describes a prepared screen's shards, written from their facts.

The shards themselves are not touched.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files, sealed_json
from gandl_jax.errors import InputError
from gandl_jax.prepared import (
    illumination,
    manifest,
    remarks,
    shard_counts,
    shards,
    work_folder,
)
from gandl_jax.prepared.description import (
    MANIFEST,
    PLATES,
    REMARKS,
    SOURCE_TABLE,
    shard_name,
)
from gandl_jax.prepared.prepared import DESCRIPTION, PLAN, RECORDS
from gandl_jax.prepared.shards import Shard
from gandl_jax.raw.screen import Screen, table

WHOLE = ""  # among levels: those of all plates
Statistics = Mapping[str, Mapping[str, float]]  # of each channel
Levels = Mapping[str, Statistics]


@dataclasses.dataclass(frozen=True)
class Describing:
    """A screen whose shards are all there.

    Attributes:
      spec: of the screen.
      metadata: its N records.
      parts: its shards, as from `shards.plan`.
      folder: where it is prepared.
      plan: to be kept beside the shards, and in the description.
      notes: what is odd about the table, to be described.
      levels: channel to "low" and "high", by plate and, under `WHOLE`, of the screen,
        in place of percentiles of its images; for images that were made by those of
        another screen.
    """

    spec: Screen
    metadata: pd.DataFrame
    parts: Sequence[Shard]
    folder: epath.Path
    plan: Mapping[str, Any]
    notes: Sequence[str]
    levels: Levels = dataclasses.field(default_factory=dict)

    @property
    def order(self) -> np.ndarray:
        """[N] int64, the metadata's rows in stored order."""
        return np.concatenate([part.rows for part in self.parts])

    @property
    def source(self) -> pd.DataFrame:
        """The metadata in stored order."""
        return self.metadata.iloc[self.order].reset_index(drop=True)

    def counts(self) -> shard_counts.ShardCounts:
        """Counts of all shards.

        Raises:
          InputError: some are damaged, or of other shards than are there.
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


def describe(what: Describing, raw: shards.Raw, *, skipped: int) -> None:
    """Writes the table of records, the TFDS metadata and, last, the description.

    Args:
      what: to describe.
      raw: what the shards were written from.
      skipped: how many records were left out.

    Raises:
      InputError: a shard's facts are damaged; nothing was written.
      RunError: the folder cannot be written.
    """
    counted = what.counts()
    name, channels, plan = what.spec.name, what.spec.channels, what.plan
    histograms = sum(counted.histograms.values())
    height_px, width_px = raw.size_px
    description = {
        "name": name,
        "channels": list(channels),
        "height_px": height_px,
        "width_px": width_px,
        "bit_depth": raw.bit_depth,
        "records": len(what.metadata),
        "records_skipped_as_missing": skipped,
        "statistics": _with_levels(
            shard_counts.statistics_of_channels(channels, histograms, plan),
            what.levels.get(WHOLE, {}),
        ),
        "files": [shard_name(name, p.number, p.count) for p in what.parts],
    }
    odd = []
    if counted.images is not None:
        odd = _image_remarks(what, raw, description["statistics"], counted.images)
    with work_folder.writing(what.folder):
        shards.write_tfds_metadata(str(what.folder), raw, counted.lengths)
        _write(what, counted, description, odd)
    for remark in odd:
        print(f"note: {remark}")
    left_out = f", {skipped} left out as images are missing" if skipped else ""
    print(
        f"{what.folder}: {len(what.metadata)} records in {len(what.parts)} "
        f"shards{left_out}"
    )


def add_source_table(
    folder: epath.Path,
    description: Mapping[str, Any],
    plan: Mapping[str, Any],
    source: pd.DataFrame,
) -> None:
    """Adds the raw screen's table to what a former version prepared.

    Args:
      folder: of the prepared screen.
      description: of it.
      plan: to be kept.
      source: [N] rows of the table, in stored order.

    Raises:
      RunError: the folder cannot be written.
    """
    with work_folder.writing(folder):
        digest = _write_source(folder, source)
        sealed_json.write(folder / PLAN, plan)
        sealed_json.write(
            folder / DESCRIPTION,
            {**description, "plan": plan, SOURCE_TABLE: digest},
        )


def _write(
    what: Describing,
    counted: shard_counts.ShardCounts,
    description: Mapping[str, Any],
    odd: Sequence[str],
) -> None:
    """Writes the tables, the illumination and, last, the description.

    Args:
      what: to describe.
      counted: its counts.
      description: what is known already.
      odd: what is odd about the images.
    """
    folder, plan = what.folder, what.plan
    # Until the new one is written: files of two preparations are no screen.
    (folder / DESCRIPTION).unlink(missing_ok=True)
    sealed_json.write(folder / PLAN, plan)
    records = table(what.spec, what.source)
    _write_records(folder, records, counted)
    size_px = description["height_px"], description["width_px"]
    _write_illumination(folder, counted, size_px)
    description = {
        **description,
        PLATES: _plate_statistics(what, counted.histograms),
        "plan": plan,
        SOURCE_TABLE: _write_source(folder, what.source),
    }
    if counted.written:
        written = dict(zip(description["files"], counted.written, strict=True))
        channels = what.spec.channels
        description[MANIFEST] = manifest.make(folder, written, records, channels)
        description[REMARKS] = {"table": list(what.notes), "images": list(odd)}
    sealed_json.write(folder / DESCRIPTION, description)


def _image_remarks(
    what: Describing,
    raw: shards.Raw,
    statistics: Mapping[str, Mapping[str, float]],
    images: np.ndarray,
) -> list[str]:
    """What is odd about the images [N, C, 3], in stored order."""
    spec, order = what.spec, what.order

    def name(record: int, channel: int) -> str:
        paths = spec.image_paths(what.metadata.iloc[order[record]].to_dict())
        if spec.planes == 1:
            return raw.source.spellings.actual(paths[channel])
        return f"{raw.source.spellings.actual(paths[0])} ({spec.channels[channel]})"

    return [
        *remarks.levels(statistics, raw.bit_depth),
        *remarks.images(images, spec.channels, name, pixels=math.prod(raw.size_px)),
    ]


def _write_records(
    folder: epath.Path, records: pd.DataFrame, counted: shard_counts.ShardCounts
) -> None:
    places = shards.locations(counted.lengths, counted.digests)
    with files.replacing(folder / RECORDS) as file:
        pd.concat([records, places], axis=1).to_parquet(file)


def _write_source(folder: epath.Path, source: pd.DataFrame) -> dict[str, Any]:
    """Writes the raw screen's table; returns the file's digest."""
    with files.replacing(folder / SOURCE_TABLE) as file:
        source.to_parquet(file, index=False)
    return manifest.digest(folder / SOURCE_TABLE)


def _write_illumination(
    folder: epath.Path, counted: shard_counts.ShardCounts, size_px: tuple[int, int]
) -> None:
    """Writes the fields of all plates, where no former version began the shards."""
    if counted.blocks:
        by_plate = {
            plate: illumination.fields(sums, *size_px)
            for plate, sums in sorted(counted.blocks.items())
        }
        illumination.write(folder, by_plate)


def _plate_statistics(
    what: Describing, by_plate: Mapping[str, np.ndarray]
) -> dict[str, Statistics]:
    """Plate to its channels' statistics; {} where the screen has no plates."""
    if by_plate.keys() == {""}:
        return {}
    channels, plan = what.spec.channels, what.plan
    return {
        plate: _with_levels(
            shard_counts.statistics_of_channels(channels, histograms, plan),
            what.levels.get(plate, {}),
        )
        for plate, histograms in sorted(by_plate.items())
    }


def _with_levels(counted: Statistics, levels: Statistics) -> Statistics:
    """Statistics of channels with other "low" and "high" levels, of some or none."""
    return {name: {**own, **levels.get(name, {})} for name, own in counted.items()}
