"""The slow half of the job `prepare`: writes the shards and what describes them."""

import hashlib
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.datasets import raw_images, shards
from gandl_jax.datasets.prepared import (
    DESCRIPTION,
    PLATES,
    RECORDS,
    SOURCE,
    check_plan,
    plates,
)
from gandl_jax.datasets.screen import Screen, table
from gandl_jax.datasets.shards import Shard
from gandl_jax.errors import InputError
from gandl_jax.progress import Progress

PLAN = "plan.json"  # written first: what a later run must agree with to go on
ORDER_SEED = 0  # of the records' order in the shards; experiments share the folder


def convert(
    spec: Screen,
    metadata: pd.DataFrame,
    data: ml_collections.ConfigDict,
    settings: Mapping[str, Any],
    *,
    skipped: int,
) -> None:
    """Writes what is missing of the shards, then the description.

    Args:
      spec: of the screen.
      metadata: the records to write, all their images present.
      data: `config.data`.
      settings: of the plan, what does not depend on the metadata.
      skipped: how many records were left out, to be described.

    Raises:
      InputError: images are unusable (what this run wrote is removed), or the folder
        was prepared otherwise or holds other things.
    """
    parts = shards.plan(
        metadata, records_per_shard=data.records_per_shard, seed=ORDER_SEED
    )
    plan = settings | _source(metadata, data.source_dir, parts)
    folder = epath.Path(data.dir)
    _check_plan(folder, plan)
    todo = shards.unfinished(parts, spec.name, data.dir)
    if (folder / DESCRIPTION).exists() and not todo:
        print(f"{data.dir}: already prepared, {len(metadata)} records")
        return
    images = list(itertools.chain(*raw_images.paths(spec, metadata)))
    image_format = raw_images.common_format(data.source_dir, images, spec.planes)
    raw = shards.Raw(spec, data.source_dir, metadata, image_format)
    _write_shards(todo, raw, folder, plan)
    _finish(parts, raw, folder, plan, skipped)


def _source(
    metadata: pd.DataFrame, source_dir: str, parts: Sequence[Shard]
) -> dict[str, Any]:
    """The plan's other part: the raw screen, in the order of its records."""
    order = np.concatenate([part.rows for part in parts])
    text = metadata.iloc[order].to_csv(index=False)
    return {
        SOURCE: os.fspath(epath.Path(source_dir).resolve()),
        "records": len(metadata),
        "metadata_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def _check_plan(folder: epath.Path, plan: Mapping[str, Any]) -> None:
    """Raises where the folder was begun with another plan, or holds other things."""
    if not (folder / PLAN).exists():
        held = folder.iterdir() if folder.exists() else ()
        if any(not path.name.startswith(".") for path in held):
            raise InputError(
                f"{folder} (config.data.dir) is not empty and holds no prepared "
                "screen; choose another data.dir"
            )
        return
    check_plan(folder, json.loads((folder / PLAN).read_text()), plan)


def _write_shards(
    todo: Sequence[Shard], raw: shards.Raw, folder: epath.Path, plan: Mapping[str, Any]
) -> None:
    """Writes these shards; removes them all if an image is bad."""
    fresh, existed = not (folder / PLAN).exists(), folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / PLAN, plan)
    (folder / "facts").mkdir(exist_ok=True)
    bad = {}
    progress = Progress("prepare", sum(len(shard.rows) for shard in todo), "sites")
    for shard in todo:
        try:
            shards.write(shard, raw, str(folder), on_record=progress.update)
        except shards.BadImages as error:
            bad |= error.images  # go on: all of them are to be named at once
    progress.close()
    if bad:
        _remove(folder, todo, raw.screen.name, fresh=fresh, existed=existed)
        total = len(raw.metadata) * len(raw.screen.channels) // raw.screen.planes
        raise raw_images.unusable(
            raw.source_dir, bad, total, expected=str(raw.image_format)
        )


def _remove(
    folder: epath.Path, todo: Sequence[Shard], name: str, *, fresh: bool, existed: bool
) -> None:
    """Removes what this run wrote, and no more."""
    for shard in todo:
        file = shards.file_name(name, shard.number, shard.count)
        (folder / file).unlink(missing_ok=True)
        shards.facts_path(str(folder), shard.number).unlink(missing_ok=True)
    if fresh:
        (folder / PLAN).unlink()
        (folder / "facts").rmdir()
        if not existed:
            folder.rmdir()


def _finish(
    parts: Sequence[Shard],
    raw: shards.Raw,
    folder: epath.Path,
    plan: Mapping[str, Any],
    skipped: int,
) -> None:
    """Writes the table of records, the TFDS metadata and, last, the description."""
    lengths, by_plate = shards.read_facts(str(folder), len(parts))
    histograms = sum(by_plate.values())
    order = np.concatenate([part.rows for part in parts])
    records = table(raw.screen, raw.metadata.iloc[order])
    with files.replacing(folder / RECORDS) as file:
        pd.concat([records, shards.locations(lengths)], axis=1).to_parquet(file)
    shards.write_tfds_metadata(str(folder), raw, lengths)
    name, channels = raw.screen.name, raw.screen.channels
    description = {
        "name": name,
        "channels": list(channels),
        "height_px": raw.image_format.height_px,
        "width_px": raw.image_format.width_px,
        "bit_depth": raw.image_format.bit_depth,
        "records": len(records),
        "records_skipped_as_missing": skipped,
        "statistics": _statistics(channels, histograms, plan),
        PLATES: {
            plate: _statistics(channels, own, plan)
            for plate, own in sorted(by_plate.items())
            if plates(records) is not None
        },
        "files": [shards.file_name(name, p.number, p.count) for p in parts],
        "plan": plan,
    }
    _write_json(folder / DESCRIPTION, description)
    left_out = f", {skipped} left out as images are missing" if skipped else ""
    print(f"{folder}: {len(records)} records in {len(parts)} shards{left_out}")


def _statistics(
    channels: Sequence[str], histograms: np.ndarray, plan: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    """Channel to its statistics, from [C, levels] pixel counts."""
    low, high = plan["low_percentile"], plan["high_percentile"]
    return {
        channel: shards.statistics(histogram, low=low, high=high)
        for channel, histogram in zip(channels, histograms, strict=True)
    }


def _write_json(path: epath.Path, content: Mapping[str, Any]) -> None:
    files.replace(path, json.dumps(content, indent=2) + "\n")
