"""What describes a prepared screen's shards, written from their facts.

The shards themselves are not touched.
"""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.datasets import facts, illumination, manifest, remarks, shards
from gandl_jax.datasets.prepared import (
    DESCRIPTION,
    MANIFEST,
    PLATES,
    RECORDS,
    REMARKS,
    plates,
)
from gandl_jax.datasets.screen import Screen, table
from gandl_jax.datasets.shards import Shard
from gandl_jax.jobs import prepare_folder

PLAN = "plan.json"  # written first: what a later run must agree with to go on


@dataclasses.dataclass(frozen=True)
class Describing:
    """A screen whose shards are all there.

    Attributes:
      spec: of the screen.
      metadata: its N records.
      parts: its shards, as from `shards.plan`.
      folder: where it is prepared.
      plan: to be kept beside the shards, and in the description.
      renamed: plate in the facts to plate; {} where they are the same.
      notes: what is odd about the table, to be described.
    """

    spec: Screen
    metadata: pd.DataFrame
    parts: Sequence[Shard]
    folder: epath.Path
    plan: Mapping[str, Any]
    renamed: Mapping[str, str]
    notes: Sequence[str]

    @property
    def order(self) -> np.ndarray:
        """[N] int64, the metadata's rows in stored order."""
        return np.concatenate([part.rows for part in self.parts])

    def facts(self) -> facts.Facts:
        """Those of all shards, by the plates of the spec."""
        counted = facts.read(str(self.folder), len(self.parts))
        if self.renamed:
            counted.histograms = _regrouped(counted.histograms, self.renamed)
            counted.blocks = _regrouped(counted.blocks or {}, self.renamed)
        return counted


def _regrouped(
    by_plate: Mapping[str, np.ndarray], new: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Plate to sums, after plates were renamed or joined."""
    result: dict[str, np.ndarray] = {}
    for plate, sums in by_plate.items():
        result[new[plate]] = sums + result.get(new[plate], 0)
    return result


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
    counted = what.facts()
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
        "statistics": _statistics(channels, histograms, plan),
        "files": [shards.file_name(name, p.number, p.count) for p in what.parts],
    }
    odd = []
    if counted.images is not None:
        odd = _image_remarks(what, raw, description["statistics"], counted.images)
    with prepare_folder.writing(what.folder):
        shards.write_tfds_metadata(str(what.folder), raw, counted.lengths)
        _write(what, counted, description, odd)
    for remark in odd:
        print(f"note: {remark}")
    left_out = f", {skipped} left out as images are missing" if skipped else ""
    print(
        f"{what.folder}: {len(what.metadata)} records in {len(what.parts)} "
        f"shards{left_out}"
    )


def relabel(what: Describing, description: Mapping[str, Any]) -> None:
    """Writes again what a complete screen says of its records.

    Args:
      what: to describe.
      description: the former one.

    Raises:
      InputError: a shard's facts are damaged; nothing was written.
      RunError: the folder cannot be written.
    """
    counted = what.facts()
    odd = description.get(REMARKS, {}).get("images", [])
    with prepare_folder.writing(what.folder):
        _write(what, counted, description, odd)


def _write(
    what: Describing,
    counted: facts.Facts,
    description: Mapping[str, Any],
    odd: Sequence[str],
) -> None:
    """Writes all that depends on the labels and, last, the description.

    Args:
      what: to describe.
      counted: its facts.
      description: what does not depend on the labels.
      odd: what is odd about the images.
    """
    folder, plan = what.folder, what.plan
    # Until the new one is written: files of two labellings are no screen.
    (folder / DESCRIPTION).unlink(missing_ok=True)
    write_json(folder / PLAN, plan)
    records = table(what.spec, what.metadata.iloc[what.order])
    _write_records(folder, records, counted.lengths)
    size_px = description["height_px"], description["width_px"]
    _write_illumination(folder, counted, size_px)
    by_plate = _plate_statistics(what.spec, records, counted.histograms, plan)
    description = dict(description) | {PLATES: by_plate, "plan": plan}
    if counted.written:
        written = dict(zip(description["files"], counted.written, strict=True))
        channels = what.spec.channels
        description[MANIFEST] = manifest.make(folder, written, records, channels)
        description[REMARKS] = {"table": list(what.notes), "images": list(odd)}
    write_json(folder / DESCRIPTION, description)


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
    folder: epath.Path, records: pd.DataFrame, lengths: Sequence[np.ndarray]
) -> None:
    with files.replacing(folder / RECORDS) as file:
        pd.concat([records, shards.locations(lengths)], axis=1).to_parquet(file)


def _write_illumination(
    folder: epath.Path, counted: facts.Facts, size_px: tuple[int, int]
) -> None:
    """Writes the fields of all plates, where no former version began the shards."""
    if counted.blocks:
        by_plate = {
            plate: illumination.fields(sums, *size_px)
            for plate, sums in sorted(counted.blocks.items())
        }
        illumination.write(folder, by_plate)


def _plate_statistics(
    spec: Screen,
    records: pd.DataFrame,
    by_plate: Mapping[str, np.ndarray],
    plan: Mapping[str, Any],
) -> dict[str, dict[str, dict[str, float]]]:
    """Plate to its channels' statistics; {} where the screen has no plates."""
    if plates(records) is None:
        return {}
    return {
        plate: _statistics(spec.channels, histograms, plan)
        for plate, histograms in sorted(by_plate.items())
    }


def _statistics(
    channels: Sequence[str], histograms: np.ndarray, plan: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    """Channel to its statistics, from [C, levels] pixel counts."""
    low, high = plan["low_percentile"], plan["high_percentile"]
    return {
        channel: facts.statistics(histogram, low=low, high=high)
        for channel, histogram in zip(channels, histograms, strict=True)
    }


def write_json(path: epath.Path, content: Mapping[str, Any]) -> None:
    """Writes a plan or a description, whole."""
    files.replace(path, json.dumps(content, indent=2) + "\n")
