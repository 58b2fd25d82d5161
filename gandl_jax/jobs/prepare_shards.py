"""The slow half of the job `prepare`: writes what is missing of the shards."""

import dataclasses
import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.datasets import facts, raw_images, shard_workers, shards
from gandl_jax.datasets.prepared import (
    COUNTED,
    DESCRIPTION,
    IMAGES,
    LABELS,
    MANIFEST,
    RECORDS,
    SOURCE,
    check_plan,
    plates,
    read_description,
)
from gandl_jax.datasets.raw_files import RawFiles
from gandl_jax.datasets.reduction import Reduction
from gandl_jax.datasets.screen import Screen, table
from gandl_jax.datasets.shards import Shard
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare_description, prepare_folder
from gandl_jax.jobs.prepare_description import PLAN
from gandl_jax.progress import Progress

PLATE_COLUMNS = "Metadata_Plate", "Metadata_Experiment"
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
      InputError: images are unusable (what this run wrote is removed), the folder was
        prepared otherwise or holds other things, or a file in it is damaged.
      RunError: the raw screen went away, or the folder cannot be written.
    """
    parts = shards.plan(
        metadata, records_per_shard=data.records_per_shard, seed=ORDER_SEED
    )
    folder = epath.Path(data.dir)
    before = _plan_before(folder)
    plan = settings | _source(metadata, data.source_dir, parts)
    if LABELS in plan:
        plan[COUNTED] = (before or {}).get(COUNTED, _plate_columns(spec))
    check_plan(folder, before or plan, plan)
    prepare_folder.clear(folder)
    if before and IMAGES in before:
        plan[IMAGES] = before[IMAGES]
    description = _complete(folder)
    changed = _changed_labels(description, plan)
    if description and not changed:
        print(f"{data.dir}: already prepared, {len(metadata)} records")
        return
    counted = _as_counted(spec, plan)
    renamed = _renamed(spec, counted, metadata, folder, plan)
    todo = shards.unfinished(parts, spec.name, data.dir)
    describing = prepare_description.Describing(
        spec, metadata, parts, folder, plan, renamed, notes
    )
    if description and not todo:
        prepare_description.relabel(describing, description)
        print(
            f"{data.dir}: already prepared, {len(metadata)} records; labelled anew, "
            f"for {', '.join(changed)} changed"
        )
        return
    write = _writer(data)
    images = list(itertools.chain(*raw_images.paths(spec, metadata)))
    image_format = raw_images.common_format(source, images, spec.planes)
    reduction = Reduction(data.downscale, data.white_level)
    raw = shards.Raw(counted, source, metadata, image_format, reduction)
    _check_reduction(raw)
    _check_images(folder, plan, str(image_format))
    plan = plan | {IMAGES: str(image_format)}
    describing = dataclasses.replace(describing, plan=plan)
    with prepare_folder.writing(folder):
        _write_shards(todo, raw, folder, plan, write, fresh=before is None)
    prepare_description.describe(describing, raw, skipped=skipped)


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


def _plan_before(folder: epath.Path) -> dict[str, Any] | None:
    """What the folder was begun with; None where it is empty.

    Raises:
      InputError: it holds other things, or the plan is damaged.
    """
    path = folder / PLAN
    if path.exists():
        return _read_plan(path)
    if (folder / DESCRIPTION).exists():  # which repeats it
        return read_description(folder)["plan"]
    held = folder.iterdir() if folder.exists() else ()
    if any(not path.name.startswith(".") for path in held):
        raise InputError(
            f"{folder} (config.data.dir) is not empty and holds no prepared "
            "screen; choose another data.dir"
        )
    return None


def _read_plan(path: epath.Path) -> dict[str, Any]:
    try:
        plan = files.read_json(path)
        if not isinstance(plan, dict):
            raise ValueError("it holds no plan")
        return plan
    except ValueError as error:  # no UTF-8, no JSON
        repeated = (path.parent / DESCRIPTION).exists()
        what = "delete it and run --job=prepare again, which keeps the shards"
        if not repeated:
            what = f"delete the folder {path.parent}, or choose another data.dir"
        raise InputError(f"{path} is damaged ({error}); {what}") from error


def _complete(folder: epath.Path) -> dict[str, Any]:
    """The description where all that was written is there; else {}."""
    if not (folder / DESCRIPTION).exists():
        return {}
    description = read_description(folder)
    wanted = {*description["files"], RECORDS, PLAN, *shards.TFDS_METADATA}
    if MANIFEST in description:  # not of a former version
        wanted |= description[MANIFEST]["files"].keys()
    there = {path.name for path in folder.iterdir()}
    return description if wanted <= there else {}


def _changed_labels(
    description: Mapping[str, Any], plan: Mapping[str, Any]
) -> list[str]:
    """The keys of the config that say other things of the records than before."""
    before = description["plan"].get(LABELS, {}) if description else {}
    return [
        key for key, value in plan.get(LABELS, {}).items() if before.get(key) != value
    ]


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
    return [spec.columns.get(name, "") for name in PLATE_COLUMNS]


def _as_counted(spec: Screen, plan: Mapping[str, Any]) -> Screen:
    """The screen with the plates that are counted: all shards count the same."""
    counted_by = plan.get(COUNTED, _plate_columns(spec))
    if counted_by == _plate_columns(spec):
        return spec
    columns = {k: v for k, v in spec.columns.items() if k not in PLATE_COLUMNS}
    named = zip(PLATE_COLUMNS, counted_by, strict=True)
    columns |= {name: column for name, column in named if column}
    return dataclasses.replace(spec, columns=columns)


def _renamed(
    spec: Screen,
    counted: Screen,
    metadata: pd.DataFrame,
    folder: epath.Path,
    plan: Mapping[str, Any],
) -> dict[str, str]:
    """Counted plate to plate; {} where they are the same.

    A former version counted plates by their cells as they stand, blanks included.

    Raises:
      InputError: sites of one counted plate lie on several plates.
    """
    ours = _plate_names(plates(table(spec, metadata)), len(metadata))
    now = ours
    if counted is not spec:
        now = _plate_names(plates(table(counted, metadata)), len(metadata))
    columns = {name: counted.columns.get(name) for name in PLATE_COLUMNS}
    cells = {name: metadata[column] for name, column in columns.items() if column}
    formerly = _plate_names(plates(pd.DataFrame(cells)), len(metadata))
    if ours == now == formerly:
        return {}
    pairs = set(zip(now, ours, strict=True))
    if len(pairs) > len(set(now)):
        plate, experiment = plan[COUNTED]
        raise InputError(
            f"{folder} (config.data.dir) was prepared with config.screen.columns.plate="
            f"{plate!r} and .experiment={experiment!r}, by which its pixels were "
            "counted; go back to these, or choose another data.dir"
        )
    return dict(zip(formerly, ours, strict=True)) | dict(pairs)


def _plate_names(found: np.ndarray | None, records: int) -> list[str]:
    """The plate of each record; "" where the screen has none."""
    return [""] * records if found is None else found.tolist()


def _write_shards(
    todo: Sequence[Shard],
    raw: shards.Raw,
    folder: epath.Path,
    plan: Mapping[str, Any],
    write: Callable[..., dict[str, str]],
    *,
    fresh: bool,
) -> None:
    """Writes these shards; removes them all if an image is bad."""
    prepare_description.write_json(folder / PLAN, plan)
    (folder / "facts").mkdir(exist_ok=True)
    if not todo:
        return
    # Killed from here on, the screen is not complete, nor are the shards to be redone.
    (folder / DESCRIPTION).unlink(missing_ok=True)
    _remove(folder, todo, raw.screen.name)
    progress = Progress("prepare", sum(len(shard.rows) for shard in todo), "sites")
    bad = write(todo, raw, str(folder), on_record=progress.update)
    progress.close()
    if bad:
        _remove(folder, todo, raw.screen.name)
        if fresh:
            (folder / PLAN).unlink()
            (folder / "facts").rmdir()
        total = len(raw.metadata) * len(raw.screen.channels) // raw.screen.planes
        raise raw_images.unusable(
            raw.source.source_dir, bad, total, expected=str(raw.image_format)
        )


def _writer(data: ml_collections.ConfigDict) -> Callable[..., dict[str, str]]:
    """Writes shards in processes of this machine or on Beam; returns bad images.

    Raises:
      InputError: Beam does not understand its options.
    """
    if not data.beam:
        return functools.partial(shard_workers.write, workers=data.workers)
    from gandl_jax.datasets import shards_on_beam  # seldom wanted

    pipeline = shards_on_beam.pipeline(data.beam)
    return functools.partial(shards_on_beam.write, pipeline=pipeline)


def _remove(folder: epath.Path, todo: Sequence[Shard], name: str) -> None:
    """Removes these shards, and no more."""
    for shard in todo:
        file = shards.file_name(name, shard.number, shard.count)
        (folder / file).unlink(missing_ok=True)
        facts.path(str(folder), shard.number).unlink(missing_ok=True)
