"""A prepared screen as one experiment labels it: experiments share its shards alone.

Imports nothing slow.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.errors import InputError
from gandl_jax.prepared import illumination, shard_counts
from gandl_jax.prepared.prepared import (
    COUNTED,
    PLATES,
    SOURCE_TABLE,
    Prepared,
    plates,
    read_source_table,
)
from gandl_jax.raw.screen import Screen, check_metadata, table

PLATE_COLUMNS = "Metadata_Plate", "Metadata_Experiment"


def label(opened: Prepared, spec: Screen, *, by_plate: bool) -> Prepared:
    """Gives a prepared screen the `Metadata_*` columns of an experiment's spec.

    Args:
      opened: as it was prepared.
      spec: of the experiment.
      by_plate: whether grey levels or illumination are taken plate by plate: then
        those of the experiment's plates are needed.

    Returns:
      The screen; with the labels of the last preparation where a former version
      prepared it, which did not keep the raw screen's table.

    Raises:
      InputError: the table that was kept is damaged, or has not what the spec names;
        or plates are needed that were not counted.
    """
    source = read_source_table(opened)
    if source is None:
        ids = opened.table["Metadata_Record_ID"].to_numpy(object)
        return dataclasses.replace(opened, key=spec.key, ids=ids)
    path = epath.Path(opened.directory) / SOURCE_TABLE
    check_metadata(spec, source, path)
    labels = table(spec, source)
    names = [one["Metadata_Record_ID"].to_numpy(str) for one in (labels, opened.table)]
    if not np.array_equal(*names):
        raise InputError(
            f"{path} and the table of records beside it name other records: were files "
            "of two prepared screens mixed? Restore both from one copy"
        )
    ids = source[list(spec.key)].agg("_".join, axis=1).to_numpy(object)
    mine = dataclasses.replace(opened, table=labels, key=spec.key, ids=ids)
    return _by_own_plates(mine, spec, source) if by_plate else mine


def plate_columns(spec: Screen) -> list[str]:
    """The source's columns that name a plate; "" where there is none."""
    return [spec.columns.get(name, "") for name in PLATE_COLUMNS]


def as_counted(spec: Screen, counted_by: Sequence[str]) -> Screen:
    """The screen with the plates that are counted: all its shards count the same.

    Args:
      spec: of an experiment.
      counted_by: as from `plate_columns`.
    """
    if list(counted_by) == plate_columns(spec):
        return spec
    columns = {k: v for k, v in spec.columns.items() if k not in PLATE_COLUMNS}
    named = zip(PLATE_COLUMNS, counted_by, strict=True)
    columns |= {name: column for name, column in named if column}
    return dataclasses.replace(spec, columns=columns)


def renamed(
    spec: Screen,
    counted_by: Sequence[str],
    metadata: pd.DataFrame,
    labels: pd.DataFrame,
    directory: str,
) -> dict[str, str]:
    """Maps plates as `prepare` counted them to an experiment's; {} where they agree.

    A former version counted plates by their cells as they stand, blanks included.

    Args:
      spec: of the experiment.
      counted_by: as from `plate_columns`.
      metadata: [N] rows of the raw screen's table.
      labels: [N] rows, what `screen.table` makes of it by the spec.
      directory: of the prepared screen, for the message.

    Raises:
      InputError: sites of one counted plate lie on several of the experiment's.
    """
    ours = _plate_names(labels)
    now, formerly = _counted_names(spec, counted_by, metadata, ours)
    if ours == now == formerly:
        return {}
    pairs = set(zip(now, ours, strict=True))
    if len(pairs) > len(set(now)):
        plate, experiment = counted_by
        raise InputError(
            f"{directory} (config.data.dir) was prepared with config.screen.columns."
            f"plate={plate!r} and .experiment={experiment!r}, by which its pixels were "
            "counted, and one such plate is several now: go back to these, set "
            "--config.data.scaling=dataset and --config.data.illumination=none, or "
            "choose another data.dir"
        )
    return dict(zip(formerly, ours, strict=True)) | dict(pairs)


def _counted_names(
    spec: Screen, counted_by: Sequence[str], metadata: pd.DataFrame, ours: list[str]
) -> tuple[list[str], list[str]]:
    """The plate of each record as its shard counts it, and as a former version did.

    Args:
      spec: of the experiment.
      counted_by: as from `plate_columns`.
      metadata: [N] rows of the raw screen's table.
      ours: [N] plates by the spec.
    """
    counted = as_counted(spec, counted_by)
    now = ours if counted is spec else _plate_names(table(counted, metadata))
    columns = zip(PLATE_COLUMNS, counted_by, strict=True)
    cells = {name: metadata[column] for name, column in columns if column}
    return now, _plate_names(pd.DataFrame(cells, metadata.index))


def _plate_names(labels: pd.DataFrame) -> list[str]:
    """The plate of each record; "" where the screen has none."""
    found = plates(labels)
    return [""] * len(labels) if found is None else found.tolist()


def with_levels_of(mine: Prepared, spec: Screen, rows: np.ndarray) -> Prepared:
    """Counts the screen's grey levels on the plates of some records alone.

    Shards count pixels plate by plate, so other records of these plates count too.

    Args:
      mine: the screen, as from `label`.
      spec: of the experiment.
      rows: [n] of those records, such as all that are not held out.

    Returns:
      The screen with other `statistics`; those of each plate stay.

    Raises:
      InputError: a folder of a former version does not tell its plates, or the counts
        of the shards are gone or damaged.
    """
    plan = mine.description["plan"]
    own = _plate_names(mine.table)
    source, names = read_source_table(mine), (own,)
    if source is not None and COUNTED in plan:
        names = _counted_names(spec, plan[COUNTED], source, own)
    kept = {every[row] for every in names for row in rows}
    if all(kept.issuperset(every) for every in names):
        return mine
    counted = _read_counts(mine, {plate for every in names for plate in every})
    histograms = sum(h for plate, h in counted.histograms.items() if plate in kept)
    return dataclasses.replace(
        mine,
        statistics=shard_counts.statistics_of_channels(mine.channels, histograms, plan),
    )


def _by_own_plates(mine: Prepared, spec: Screen, source: pd.DataFrame) -> Prepared:
    """The screen with the levels and the illumination of the experiment's plates."""
    plan = mine.description["plan"]
    if COUNTED not in plan:
        return mine
    new = renamed(spec, plan[COUNTED], source, mine.table, mine.directory)
    if not new:
        return mine
    counted = _read_counts(mine, new)
    by_plate = {
        plate: shard_counts.statistics_of_channels(mine.channels, histograms, plan)
        for plate, histograms in _regrouped(counted.histograms, new).items()
    }
    return dataclasses.replace(
        mine,
        description={**mine.description, PLATES: by_plate},
        fields=_fields(mine, _regrouped(counted.blocks or {}, new)),
    )


def _read_counts(mine: Prepared, known: Collection[str]) -> shard_counts.ShardCounts:
    """Reads what all shards count.

    Args:
      mine: the screen.
      known: its plates, as they are counted.

    Raises:
      InputError: the counts are not there, or of other plates.
    """
    try:
        counted = shard_counts.read(mine.directory, mine.shards)
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename} is gone, which counts the pixels of each plate, and "
            "config.train.hold_out, or plates that are named otherwise than in the "
            "preparation, need that: copy the folder facts too, or "
            "prepare the screen again in another config.data.dir"
        ) from error
    if strange := counted.histograms.keys() - set(known):
        raise InputError(
            f"{mine.directory}/facts counts the plate {min(strange)!r}, which the "
            "table of the screen has not: delete that folder and run --job=prepare "
            "again"
        )
    return counted


def _regrouped(
    by_plate: Mapping[str, np.ndarray], new: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Plate to sums, sorted, after plates were renamed or joined."""
    result: dict[str, np.ndarray] = {}
    for plate, sums in by_plate.items():
        result[new[plate]] = sums + result.get(new[plate], 0)
    return dict(sorted(result.items()))


def _fields(
    mine: Prepared, blocks: Mapping[str, np.ndarray]
) -> tuple[list[str], np.ndarray] | None:
    """As from `illumination.read`; None where a former version summed no blocks."""
    if not blocks:
        return None
    size_px = mine.height_px, mine.width_px
    every = [illumination.fields(sums, *size_px) for sums in blocks.values()]
    return list(blocks), np.stack(every)
