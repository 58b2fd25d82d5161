"""What describes a prepared screen's shards, written from their facts.

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


@dataclasses.dataclass(frozen=True)
class Describing:
    """A screen whose shards are all there.

    Attributes:
      spec: of the screen.
      metadata: its N records, as the shards have them.
      changed: the same rows as the raw screen's table has them since; None where it
        has not changed.
      parts: its shards, as from `shards.plan`.
      folder: where it is prepared.
      plan: to be kept beside the shards, and in the description.
      notes: what is odd about the table, to be described.
    """

    spec: Screen
    metadata: pd.DataFrame
    parts: Sequence[Shard]
    folder: epath.Path
    plan: Mapping[str, Any]
    notes: Sequence[str]
    changed: pd.DataFrame | None = None

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
        "statistics": shard_counts.statistics_of_channels(channels, histograms, plan),
        "files": [shard_name(name, p.number, p.count) for p in what.parts],
    }
    odd = []
    if counted.images is not None:
        odd = _image_remarks(what, raw, description["statistics"], counted.images)
    if counted.quality is not None:
        odd += _quality_remarks(what, raw, counted.quality, histograms)
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
        digest = _write_source(folder, SOURCE_TABLE, source)
        sealed_json.write(folder / PLAN, plan)
        sealed_json.write(
            folder / DESCRIPTION,
            {**description, "plan": plan, SOURCE_TABLE: digest},
        )


def take_labels(description: Mapping[str, Any], what: Describing) -> bool:
    """Keeps the raw screen's table as it is now beside that of the shards.

    Args:
      description: of the complete screen.
      what: to describe.

    Returns:
      Whether it was another one until now.

    Raises:
      RunError: the folder cannot be written.
    """
    kept = CHANGED_TABLE if CHANGED_TABLE in description else SOURCE_TABLE
    before = pd.read_parquet(io.BytesIO(files.read_bytes(what.folder / kept)))
    if before.equals(what.labels):
        return False
    with work_folder.writing(what.folder):
        told = {k: v for k, v in description.items() if k != CHANGED_TABLE}
        told |= _write_changed(what) | {"plan": what.plan}
        if REMARKS in told:
            told[REMARKS] = {**told[REMARKS], "table": list(what.notes)}
        sealed_json.write(what.folder / PLAN, what.plan)
        sealed_json.write(what.folder / DESCRIPTION, told)
        if what.changed is None:
            (what.folder / CHANGED_TABLE).unlink(missing_ok=True)
    return True


def _write_changed(what: Describing) -> dict[str, Any]:
    """Writes the table as it is now where it has changed; its name and digest."""
    if what.changed is None:
        return {}
    return {CHANGED_TABLE: _write_source(what.folder, CHANGED_TABLE, what.labels)}


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
    records = table(what.spec, what.labels)
    _write_records(folder, records, counted)
    size_px = description["height_px"], description["width_px"]
    _write_illumination(folder, counted, size_px)
    description = {
        **description,
        PLATES: _plate_statistics(what.spec.channels, counted.histograms, plan),
        "plan": plan,
        SOURCE_TABLE: _write_source(folder, SOURCE_TABLE, what.source),
        **_write_changed(what),
    }
    if counted.written:
        written = dict(zip(description["files"], counted.written, strict=True))
        channels = what.spec.channels
        description[MANIFEST] = manifest.make(folder, written, records, channels)
        description[REMARKS] = {"table": list(what.notes), "images": list(odd)}
    sealed_json.write(folder / DESCRIPTION, description)


def _quality_remarks(
    what: Describing, raw: shards.Raw, measured: np.ndarray, histograms: np.ndarray
) -> list[str]:
    """Which images stand out by simple measures; lists them in a file, too."""
    found = image_quality.judge(measured, histograms)
    path = functools.partial(_image, what, raw)
    names = record_ids(what.spec, what.source).to_numpy(object)
    with work_folder.writing(what.folder):
        csv_files.write(
            what.folder / ODD_IMAGES,
            image_quality.table(found, what.spec.channels, names, path),
        )
    return remarks.quality(found, what.spec.channels, path)


def _image_remarks(
    what: Describing,
    raw: shards.Raw,
    statistics: Mapping[str, Mapping[str, float]],
    images: np.ndarray,
) -> list[str]:
    """What is odd about the images [N, C, 3], in stored order."""
    path, pixels = functools.partial(_image, what, raw), math.prod(raw.size_px)
    return [
        *remarks.levels(statistics, raw.bit_depth),
        *remarks.images(images, what.spec.channels, path, pixels=pixels),
    ]


def _image(what: Describing, raw: shards.Raw, record: int, channel: int) -> str:
    """What to call the image of a record, in stored order, and a channel."""
    spec, row = what.spec, what.metadata.iloc[what.order[record]].to_dict()
    paths = [raw.source.spellings.actual(path) for path in spec.image_paths(row)]
    if spec.planes == 1:
        return paths[channel]
    return f"{paths[0]} ({spec.channels[channel]})"


def _write_records(
    folder: epath.Path, records: pd.DataFrame, counted: shard_counts.ShardCounts
) -> None:
    places = shards.locations(counted.lengths, counted.digests)
    with files.replacing(folder / RECORDS) as file:
        pd.concat([records, places], axis=1).to_parquet(file)


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
    """Writes the fields of all plates, where no former version began the shards."""
    if counted.blocks:
        by_plate = {
            plate: illumination.fields(sums, *size_px)
            for plate, sums in sorted(counted.blocks.items())
        }
        illumination.write(folder, by_plate)


def _plate_statistics(
    channels: Sequence[str],
    by_plate: Mapping[str, np.ndarray],
    plan: Mapping[str, Any],
) -> dict[str, dict[str, dict[str, float]]]:
    """Plate to its channels' statistics; {} where the screen has no plates."""
    if by_plate.keys() == {""}:
        return {}
    return {
        plate: shard_counts.statistics_of_channels(channels, histograms, plan)
        for plate, histograms in sorted(by_plate.items())
    }
