"""Slow half of the job `prepare`: writes the shards that are missing."""

import dataclasses
import functools
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files, sealed_json
from gandl_jax.config import SCREEN_PLATES
from gandl_jax.errors import InputError
from gandl_jax.prepared import (
    changed_table,
    labelled,
    manifest,
    shard_counts,
    shard_workers,
    shards,
    work_folder,
    write_description,
)
from gandl_jax.prepared.description import (
    CHANGED_TABLE,
    COUNTED,
    LABELS,
    MANIFEST,
    SOURCE_TABLE,
    TFDS_METADATA,
    shard_name,
)
from gandl_jax.prepared.prepared import (
    DESCRIPTION,
    IMAGES,
    PLAN,
    RECORDS,
    SOURCE,
    check_plan,
    read_description,
    written,
)
from gandl_jax.prepared.shards import Shard
from gandl_jax.progress import Progress
from gandl_jax.raw import raw_images
from gandl_jax.raw.raw_files import RawFiles
from gandl_jax.raw.reduction import Reduction
from gandl_jax.raw.screen import Screen, table

TABLE = "metadata_sha256"  # in a plan: the digest of the table's text
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
    check_size: Callable[[tuple[int, int]], None] | None = None,
) -> None:
    """Writes the missing shards, then the description.

    Args:
      spec: of the screen.
      metadata: the records to write, all their images present.
      source: the raw screen's files.
      data: `config.data`.
      settings: entries of the plan that do not depend on the metadata.
      skipped: number of records left out, to be described.
      notes: remarks on the table, to be described.
      check_size: refuses prepared images of an unsuitable height and width.

    Raises:
      InputError: images are unusable (files of this run are removed), the folder was
        prepared differently or holds other things, or a file in it is damaged.
      RunError: the raw screen went away, or the folder cannot be written.
    """
    folder = epath.Path(data.dir)
    before = plan_before(folder) or {}
    check_plan(folder, before or settings, settings)
    counted_by = before.get(COUNTED, labelled.plate_columns(spec))
    if "plate" in (data.scaling, data.illumination):
        labels = table(spec, metadata)
        labelled.renamed(spec, counted_by, metadata, labels, data.dir)  # refuses
    metadata, changed = _as_written(spec, metadata, folder, before, counted_by)
    shard_plan = shards.plan(
        metadata, records_per_shard=data.records_per_shard, seed=ORDER_SEED
    )
    plan = settings | _source(metadata, data.source_dir, shard_plan)
    if LABELS in plan:
        plan[COUNTED] = counted_by
    _check_table(folder, before, plan)
    work_folder.clear(folder)
    if IMAGES in before:
        plan[IMAGES] = before[IMAGES]
    describing = write_description.Describing(
        spec, metadata, shard_plan, folder, plan, notes, changed
    )
    if (description := _complete(folder)) and _is_labelled(description, describing):
        print(f"{data.dir}: already prepared, {len(metadata)} records")
        return
    counted = labelled.as_counted(spec, counted_by)
    if changed is not None:
        counted = changed_table.as_shards_need_it(counted, metadata.columns)
    todo = shards.unfinished(shard_plan, spec.name, data.dir)
    write = _writer(data)
    images = list(itertools.chain(*raw_images.paths(spec, metadata)))
    image_format = raw_images.common_format(source, images, spec.planes)
    reduction = Reduction(data.downscale, data.white_level)
    raw = shards.Raw(counted, source, metadata, image_format, reduction)
    _check_reduction(raw)
    if check_size:
        check_size(raw.size_px)
    _check_images(folder, plan, str(image_format))
    plan = plan | {IMAGES: str(image_format)}
    describing = dataclasses.replace(describing, plan=plan)
    with work_folder.writing(folder):
        _write_shards(todo, raw, folder, plan, write, fresh=not before)
    write_description.describe(describing, raw, skipped=skipped)


def _source(
    metadata: pd.DataFrame, source_dir: str, shard_plan: Sequence[Shard]
) -> dict[str, Any]:
    """Returns the plan's entries on the raw screen, in the order of its records."""
    order = np.concatenate([shard.rows for shard in shard_plan])
    return {
        SOURCE: os.fspath(files.absolute(source_dir)),
        "records": len(metadata),
        TABLE: changed_table.digest(metadata.iloc[order]),
    }


def _as_written(
    spec: Screen,
    metadata: pd.DataFrame,
    folder: epath.Path,
    before: Mapping[str, Any],
    counted_by: Sequence[str],
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Returns the records as the shards have them, and as they are now.

    Args:
      spec: of the screen.
      metadata: the records as they are now.
      folder: of the prepared screen.
      before: its plan; {} if it is empty.
      counted_by: the columns of the plates whose pixels the shards count.

    Returns:
      The records; and the same ones in the present table, None if that is the same.

    Raises:
      InputError: the records, images or plates are different ones.
    """
    orders = functools.partial(shards.stored_order, seed=ORDER_SEED)
    former = changed_table.written_from(folder, before.get(TABLE), orders)
    if former is None or former.equals(metadata):
        return metadata, None
    now = changed_table.in_order_of(former, metadata, spec, counted_by, folder)
    return former, None if now.equals(former) else now


def _check_table(
    folder: epath.Path, before: Mapping[str, Any], plan: Mapping[str, Any]
) -> None:
    """Refuses a folder that was begun with other records."""
    if before and before.get(TABLE) != plan[TABLE]:
        raise InputError(
            f"{folder} (config.data.dir) was begun with another table than "
            "is there now: choose another data.dir, or go back to that table"
        )


def plan_before(folder: epath.Path) -> dict[str, Any] | None:
    """Reads the plan that the folder was begun with; None if it is empty.

    Raises:
      InputError: it holds other things, or the plan is damaged.
    """
    path = folder / PLAN
    if path.exists():
        return work_folder.read_plan(path)
    if (folder / DESCRIPTION).exists():  # it repeats the plan
        return read_description(folder)["plan"]
    held = folder.iterdir() if folder.exists() else ()
    if any(not path.name.startswith(".") for path in held):
        raise InputError(
            f"{folder} (config.data.dir) is not empty and holds no prepared "
            "screen; choose another data.dir"
        )
    return None


def _complete(folder: epath.Path) -> dict[str, Any]:
    """Returns the description if all files are there and undamaged; else {}.

    The shards themselves are not read: `--job=verify` does that.
    """
    if not (folder / DESCRIPTION).exists():
        return {}
    description = read_description(folder)
    known = {*description.get(MANIFEST, {}).get("files", {}), RECORDS}
    known |= {SOURCE_TABLE, CHANGED_TABLE} & description.keys()
    wanted = {*description["files"], *known, PLAN, *TFDS_METADATA}
    present = {path.name for path in folder.iterdir()}
    if not wanted <= present:
        return {}
    for name in sorted(known - set(description["files"])):
        digest = written(description, name)
        if digest and manifest.digest(folder / name) != _bare(digest):
            print(f"note: {folder / name} is damaged, and is written again")
            return {}
    return description


def _bare(digest: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a file's digest and size without the number of its records."""
    return {key: digest[key] for key in ("sha256", "bytes")}


def _is_labelled(
    description: Mapping[str, Any], describing: write_description.Describing
) -> bool:
    """Tells whether every experiment finds its labels; adds them if that is easy.

    A former version kept no table to make them from, and grouped the statistics by the
    plates of the experiment that prepared last. If the shards count other plates, all
    is described again.
    """
    if SOURCE_TABLE in description:
        if write_description.take_labels(description, describing):
            print(
                f"{describing.folder}: columns of the table have changed and are taken "
                "up"
            )
        return True
    plan = dict(describing.plan)
    if before := description["plan"].get(LABELS):
        plan[LABELS] = before
        described_by = [before.get(key, "") for key in SCREEN_PLATES]
        if described_by != plan[COUNTED]:
            if (describing.folder / "facts").exists():
                return False
            plan[COUNTED] = described_by
    write_description.add_source_table(
        describing.folder, description, plan, describing.source
    )
    print(
        f"{describing.folder}: {SOURCE_TABLE} added, so that each experiment has its "
        "own labels"
    )
    return True


def _check_images(
    folder: epath.Path, plan: Mapping[str, Any], present_format: str
) -> None:
    """Refuses if the shards that are there hold images of another format."""
    former_format = plan.get(IMAGES, present_format)
    if former_format != present_format:
        raise InputError(
            f"{folder} (config.data.dir) was begun with images of {former_format}, and "
            f"those in config.data.source_dir are {present_format}: choose another "
            "data.dir"
        )


def _check_reduction(raw: shards.Raw) -> None:
    """Refuses if the prepared images would have no pixel, or no fewer bits."""
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
    sealed_json.write(folder / PLAN, plan)
    (folder / "facts").mkdir(exist_ok=True)
    if not todo:
        return
    # If the run is killed from here on, neither the screen nor these shards count as
    # complete.
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
    """Returns a function that writes shards, in processes or on Beam: bad images.

    Raises:
      InputError: Beam does not understand its options.
    """
    if not data.beam:
        return functools.partial(shard_workers.write, workers=data.workers)
    from gandl_jax.prepared import shards_on_beam  # seldom wanted

    pipeline = shards_on_beam.pipeline(data.beam)
    return functools.partial(shards_on_beam.write, pipeline=pipeline)


def _remove(folder: epath.Path, todo: Sequence[Shard], name: str) -> None:
    """Removes only these shards."""
    for shard in todo:
        file = shard_name(name, shard.number, shard.count)
        (folder / file).unlink(missing_ok=True)
        shard_counts.path(str(folder), shard.number).unlink(missing_ok=True)
