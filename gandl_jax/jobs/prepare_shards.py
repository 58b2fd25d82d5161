"""The slow half of the job `prepare`: writes the shards and what describes them."""

import functools
import hashlib
import itertools
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.datasets import (
    facts,
    illumination,
    manifest,
    raw_images,
    remarks,
    shard_workers,
    shards,
)
from gandl_jax.datasets.prepared import (
    COUNTED,
    DESCRIPTION,
    IMAGES,
    LABELS,
    MANIFEST,
    PLATES,
    RECORDS,
    REMARKS,
    SOURCE,
    check_plan,
    plates,
)
from gandl_jax.datasets.raw_files import RawFiles
from gandl_jax.datasets.reduction import Reduction
from gandl_jax.datasets.screen import Screen, table
from gandl_jax.datasets.shards import Shard
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare_folder
from gandl_jax.progress import Progress

PLAN = "plan.json"  # written first: what a later run must agree with to go on
ORDER_SEED = 0  # of the records' order in the shards; experiments share the folder


def convert(
    spec: Screen,
    metadata: pd.DataFrame,
    source: RawFiles,
    data: ml_collections.ConfigDict,
    settings: Mapping[str, Any],
    *,
    skipped: int,
    notes: Sequence[str],
) -> None:
    """Writes what is missing of the shards, then the description.

    Args:
      spec: of the screen.
      metadata: the records to write, all their images present.
      source: the raw screen's files.
      data: `config.data`.
      settings: of the plan, what does not depend on the metadata.
      skipped: how many records were left out, to be described.
      notes: what is odd about the table, likewise.

    Raises:
      InputError: images are unusable (what this run wrote is removed), or the folder
        was prepared otherwise or holds other things.
      RunError: the raw screen went away, or the folder cannot be written.
    """
    parts = shards.plan(
        metadata, records_per_shard=data.records_per_shard, seed=ORDER_SEED
    )
    folder = epath.Path(data.dir)
    plan = settings | _source(metadata, data.source_dir, parts)
    plan |= _counted_by(spec, folder) if LABELS in plan else {}
    _check_plan(folder, plan)
    prepare_folder.clear(folder)
    plan |= _images_before(folder)
    todo = shards.unfinished(parts, spec.name, data.dir)
    described = (folder / DESCRIPTION).exists() and (folder / RECORDS).exists()
    if described and not todo:
        with prepare_folder.writing(folder):
            changed = _relabel(spec, metadata, parts, folder, plan, notes)
        anew = f"; labelled anew, for {', '.join(changed)} changed" if changed else ""
        print(f"{data.dir}: already prepared, {len(metadata)} records{anew}")
        return
    if plan.get(COUNTED, _plate_columns(spec)) != _plate_columns(spec):
        raise _other_plates(folder, plan[COUNTED])
    images = list(itertools.chain(*raw_images.paths(spec, metadata)))
    image_format = raw_images.common_format(source, images, spec.planes)
    reduction = Reduction(data.downscale, data.white_level)
    raw = shards.Raw(spec, source, metadata, image_format, reduction)
    _check_reduction(raw)
    _check_images(folder, plan, str(image_format))
    plan[IMAGES] = str(image_format)
    with prepare_folder.writing(folder):
        _write_shards(todo, raw, folder, plan, data)
        _finish(parts, raw, folder, plan, skipped, notes)


def _source(
    metadata: pd.DataFrame, source_dir: str, parts: Sequence[Shard]
) -> dict[str, Any]:
    """The plan's other part: the raw screen, in the order of its records."""
    order = np.concatenate([part.rows for part in parts])
    text = metadata.iloc[order].to_csv(index=False)
    return {
        SOURCE: os.fspath(files.absolute(source_dir)),
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


def _images_before(folder: epath.Path) -> dict[str, str]:
    """The format of the images when the shards were begun; {} where none is known."""
    plan = folder / PLAN
    before = json.loads(plan.read_text()) if plan.exists() else {}
    return {IMAGES: before[IMAGES]} if IMAGES in before else {}


def _check_images(folder: epath.Path, plan: Mapping[str, Any], now: str) -> None:
    """Raises where the shards that are there hold images of another format."""
    before = plan.get(IMAGES, now)
    if before != now:
        raise InputError(
            f"{folder} (config.data.dir) was begun with images of {before}, and those "
            f"in config.data.source_dir are {now}: choose another data.dir"
        )


def _check_reduction(raw: shards.Raw) -> None:
    """Raises where the prepared images would have no pixel, or no fewer bits."""
    if raw.reduction.white and raw.image_format.bit_depth == 8:
        raise InputError(
            f"config.data.white_level={raw.reduction.white} makes 8 bits of 16, but "
            "the images have 8: set it to 0"
        )
    if 0 in raw.size_px:
        raise InputError(
            f"config.data.downscale={raw.reduction.downscale} leaves nothing of images "
            f"of {raw.image_format}: choose a smaller one"
        )


def _plate_columns(spec: Screen) -> list[str]:
    """The source's columns that name a plate; "" where there is none."""
    return [spec.columns.get(f"Metadata_{c}", "") for c in ("Plate", "Experiment")]


def _counted_by(spec: Screen, folder: epath.Path) -> dict[str, list[str]]:
    """By which columns the plates' pixels were counted when the shards were begun."""
    plan = folder / PLAN
    before = json.loads(plan.read_text()) if plan.exists() else {}
    return {COUNTED: before.get(COUNTED, _plate_columns(spec))}


def _other_plates(folder: epath.Path, counted_by: Sequence[str]) -> InputError:
    plate, experiment = counted_by
    return InputError(
        f"{folder} (config.data.dir) was prepared with config.screen.columns.plate="
        f"{plate!r} and .experiment={experiment!r}, by which its pixels were counted; "
        "choose another data.dir"
    )


def _relabel(
    spec: Screen,
    metadata: pd.DataFrame,
    parts: Sequence[Shard],
    folder: epath.Path,
    plan: Mapping[str, Any],
    notes: Sequence[str],
) -> list[str]:
    """Writes again what a complete screen says of its records; its shards stay.

    Returns:
      The keys of the config that changed; where there are none, nothing is written.

    Raises:
      InputError: there are other plates, whose pixels were not counted apart.
    """
    description = json.loads((folder / DESCRIPTION).read_text())
    before, now = description["plan"].get(LABELS, {}), plan.get(LABELS, {})
    changed = [key for key, value in now.items() if before.get(key) != value]
    if not changed:
        return []
    metadata = metadata.iloc[np.concatenate([part.rows for part in parts])]
    records = table(spec, metadata)
    counted = facts.read(str(folder), len(parts))
    if plan[COUNTED] != _plate_columns(spec):
        before = _plates_by(metadata, plan[COUNTED])
        wanted = _plates_by(metadata, _plate_columns(spec))
        pairs = set(zip(before, wanted, strict=True))
        if len(pairs) > len(set(before)):
            raise _other_plates(folder, plan[COUNTED])
        counted.histograms = _regrouped(counted.histograms, dict(pairs))
        counted.blocks = _regrouped(counted.blocks or {}, dict(pairs))
    by_plate = _plate_statistics(spec, records, counted.histograms, plan)
    description |= {PLATES: by_plate}
    _write_records(folder, records, counted.lengths)
    size_px = description["height_px"], description["width_px"]
    _write_illumination(folder, counted, size_px)
    if MANIFEST in description:
        written = description[MANIFEST]["files"]
        written = {name: written[name] for name in description["files"]}
        description[MANIFEST] = manifest.make(folder, written, records, spec.channels)
        description[REMARKS]["table"] = list(notes)
    _write_json(folder / PLAN, plan)
    _write_json(folder / DESCRIPTION, description | {"plan": plan})
    return changed


def _plates_by(metadata: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """The plate of each record by these columns, named as in the facts."""
    names = ("Metadata_Plate", "Metadata_Experiment")
    chosen = {n: metadata[c] for n, c in zip(names, columns, strict=True) if c}
    found = plates(pd.DataFrame(chosen, metadata.index))
    return [""] * len(metadata) if found is None else found.tolist()


def _regrouped(
    by_plate: Mapping[str, np.ndarray], new: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Plate to histograms [C, levels], after plates were renamed or joined."""
    result: dict[str, np.ndarray] = {}
    for plate, histograms in by_plate.items():
        result[new[plate]] = histograms + result.get(new[plate], 0)
    return result


def _write_shards(
    todo: Sequence[Shard],
    raw: shards.Raw,
    folder: epath.Path,
    plan: Mapping[str, Any],
    data: ml_collections.ConfigDict,
) -> None:
    """Writes these shards; removes them all if an image is bad."""
    fresh = not (folder / PLAN).exists()
    _write_json(folder / PLAN, plan)
    (folder / "facts").mkdir(exist_ok=True)
    progress = Progress("prepare", sum(len(shard.rows) for shard in todo), "sites")
    bad = _writer(data)(todo, raw, str(folder), on_record=progress.update)
    progress.close()
    if bad:
        _remove(folder, todo, raw.screen.name, fresh=fresh)
        total = len(raw.metadata) * len(raw.screen.channels) // raw.screen.planes
        raise raw_images.unusable(
            raw.source.source_dir, bad, total, expected=str(raw.image_format)
        )


def _writer(data: ml_collections.ConfigDict) -> Callable[..., dict[str, str]]:
    """Writes shards in processes of this machine or on Beam; returns bad images."""
    if not data.beam:
        return functools.partial(shard_workers.write, workers=data.workers)
    from gandl_jax.datasets import shards_on_beam  # seldom wanted

    return functools.partial(shards_on_beam.write, options=data.beam)


def _remove(
    folder: epath.Path, todo: Sequence[Shard], name: str, *, fresh: bool
) -> None:
    """Removes what this run wrote, and no more."""
    for shard in todo:
        file = shards.file_name(name, shard.number, shard.count)
        (folder / file).unlink(missing_ok=True)
        facts.path(str(folder), shard.number).unlink(missing_ok=True)
    if fresh:
        (folder / PLAN).unlink()
        (folder / "facts").rmdir()


def _finish(
    parts: Sequence[Shard],
    raw: shards.Raw,
    folder: epath.Path,
    plan: Mapping[str, Any],
    skipped: int,
    notes: Sequence[str],
) -> None:
    """Writes the table of records, the TFDS metadata and, last, the description."""
    counted = facts.read(str(folder), len(parts))
    histograms = sum(counted.histograms.values())
    order = np.concatenate([part.rows for part in parts])
    records = table(raw.screen, raw.metadata.iloc[order])
    _write_records(folder, records, counted.lengths)
    _write_illumination(folder, counted, raw.size_px)
    shards.write_tfds_metadata(str(folder), raw, counted.lengths)
    name, channels = raw.screen.name, raw.screen.channels
    height_px, width_px = raw.size_px
    description = {
        "name": name,
        "channels": list(channels),
        "height_px": height_px,
        "width_px": width_px,
        "bit_depth": raw.bit_depth,
        "records": len(records),
        "records_skipped_as_missing": skipped,
        "statistics": _statistics(channels, histograms, plan),
        PLATES: _plate_statistics(raw.screen, records, counted.histograms, plan),
        "files": [shards.file_name(name, p.number, p.count) for p in parts],
        "plan": plan,
    }
    if counted.written:
        written = dict(zip(description["files"], counted.written, strict=True))
        description[MANIFEST] = manifest.make(folder, written, records, channels)
        odd = _image_remarks(raw, order, description["statistics"], counted.images)
        description[REMARKS] = {"table": list(notes), "images": odd}
        for remark in odd:
            print(f"note: {remark}")
    _write_json(folder / DESCRIPTION, description)
    left_out = f", {skipped} left out as images are missing" if skipped else ""
    print(f"{folder}: {len(records)} records in {len(parts)} shards{left_out}")


def _image_remarks(
    raw: shards.Raw,
    order: np.ndarray,
    statistics: Mapping[str, Mapping[str, float]],
    images: np.ndarray,
) -> list[str]:
    """What is odd about the images [N, C, 3], whose records come in this order."""
    spec = raw.screen

    def name(record: int, channel: int) -> str:
        paths = spec.image_paths(raw.metadata.iloc[order[record]].to_dict())
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


def _write_json(path: epath.Path, content: Mapping[str, Any]) -> None:
    files.replace(path, json.dumps(content, indent=2) + "\n")
