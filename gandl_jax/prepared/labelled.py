"""Labels a prepared screen for one experiment: experiments share only its shards.

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
    """Sets a prepared screen's `Metadata_*` columns by an experiment's spec.

    Args:
      opened: as it was prepared.
      spec: of the experiment.
      by_plate: whether grey levels or illumination are taken plate by plate, which
        needs those of the experiment's plates.

    Returns:
      The screen; with the labels of the last preparation if a former version prepared
      it, which did not keep the raw screen's table.

    Raises:
      InputError: the table that was kept is damaged, or lacks what the spec names; or
        plates are needed that were not counted.
    """
    source = read_source_table(opened)
    if source is None:
        ids = opened.table["Metadata_Record_ID"].to_numpy(object)
        return dataclasses.replace(opened, key=spec.key, ids=ids)
    path = epath.Path(opened.directory) / SOURCE_TABLE
    check_metadata(spec, source, path)
    labels = table(spec, source)
    names = [
        metadata["Metadata_Record_ID"].to_numpy(str)
        for metadata in (labels, opened.table)
    ]
    if not np.array_equal(*names):
        raise InputError(
            f"{path} and the table of records beside it name other records: were files "
            "of two prepared screens mixed? Restore both from one copy"
        )
    ids = source[list(spec.key)].agg("_".join, axis=1).to_numpy(object)
    relabelled = dataclasses.replace(opened, table=labels, key=spec.key, ids=ids)
    return _by_own_plates(relabelled, spec, source) if by_plate else relabelled


def plate_columns(spec: Screen) -> list[str]:
    """Returns the source's columns that name a plate; "" if there is none."""
    return [spec.columns.get(name, "") for name in PLATE_COLUMNS]


def as_counted(spec: Screen, counted_by: Sequence[str]) -> Screen:
    """Returns the spec with the plate columns by which all its shards count.

    Args:
      spec: of an experiment.
      counted_by: as from `plate_columns`.
    """
    if list(counted_by) == plate_columns(spec):
        return spec
    columns = {
        name: column
        for name, column in spec.columns.items()
        if name not in PLATE_COLUMNS
    }
    named_columns = zip(PLATE_COLUMNS, counted_by, strict=True)
    columns |= {name: column for name, column in named_columns if column}
    return dataclasses.replace(spec, columns=columns)


def renamed(
    spec: Screen,
    counted_by: Sequence[str],
    metadata: pd.DataFrame,
    labels: pd.DataFrame,
    directory: str,
) -> dict[str, str]:
    """Maps plates as `prepare` counted them to an experiment's; {} if they agree.

    A former version counted plates by their cells' exact text, blanks included.

    Args:
      spec: of the experiment.
      counted_by: as from `plate_columns`.
      metadata: [N] rows of the raw screen's table.
      labels: [N] rows that `screen.table` makes of them by the spec.
      directory: of the prepared screen, for the message.

    Raises:
      InputError: sites of one counted plate lie on several plates of the experiment.
    """
    own_plates = _plate_names(labels)
    counted_plates, former_plates = _counted_names(
        spec, counted_by, metadata, own_plates
    )
    if own_plates == counted_plates == former_plates:
        return {}
    pairs = set(zip(counted_plates, own_plates, strict=True))
    if len(pairs) > len(set(counted_plates)):
        plate, experiment = counted_by
        raise InputError(
            f"{directory} (config.data.dir) was prepared with config.screen.columns."
            f"plate={plate!r} and .experiment={experiment!r}, by which its pixels were "
            "counted, and one such plate is several now: go back to these, set "
            "--config.data.scaling=dataset and --config.data.illumination=none, or "
            "choose another data.dir"
        )
    return dict(zip(former_plates, own_plates, strict=True)) | dict(pairs)


def _counted_names(
    spec: Screen,
    counted_by: Sequence[str],
    metadata: pd.DataFrame,
    own_plates: list[str],
) -> tuple[list[str], list[str]]:
    """Names each record's plate as its shard counts it, and as a former version did.

    Args:
      spec: of the experiment.
      counted_by: as from `plate_columns`.
      metadata: [N] rows of the raw screen's table.
      own_plates: [N] plates by the spec.
    """
    counted = as_counted(spec, counted_by)
    counted_plates = (
        own_plates if counted is spec else _plate_names(table(counted, metadata))
    )
    columns = zip(PLATE_COLUMNS, counted_by, strict=True)
    cells = {name: metadata[column] for name, column in columns if column}
    return counted_plates, _plate_names(pd.DataFrame(cells, metadata.index))


def _plate_names(labels: pd.DataFrame) -> list[str]:
    """Names the plate of each record; "" if the screen has none."""
    names = plates(labels)
    return [""] * len(labels) if names is None else names.tolist()


def with_levels_of(
    labelled_screen: Prepared, spec: Screen, rows: np.ndarray
) -> Prepared:
    """Takes the screen's grey levels from the plates of some records only.

    Shards count pixels by plate, so other records of these plates count too.

    Args:
      labelled_screen: the screen, as from `label`.
      spec: of the experiment.
      rows: [n] int, rows of these records, such as all that are not held out.

    Returns:
      The screen with other `statistics`; those of each plate are unchanged.

    Raises:
      InputError: a former version's folder does not name its plates, or the counts of
        the shards are gone or damaged.
    """
    plan = labelled_screen.description["plan"]
    own_plates = _plate_names(labelled_screen.table)
    source, names = read_source_table(labelled_screen), (own_plates,)
    if source is not None and COUNTED in plan:
        names = _counted_names(spec, plan[COUNTED], source, own_plates)
    kept = {plate_names[row] for plate_names in names for row in rows}
    if all(kept.issuperset(plate_names) for plate_names in names):
        return labelled_screen
    counted = _read_counts(
        labelled_screen, {plate for plate_names in names for plate in plate_names}
    )
    histograms = sum(
        histogram for plate, histogram in counted.histograms.items() if plate in kept
    )
    return dataclasses.replace(
        labelled_screen,
        statistics=shard_counts.statistics_of_channels(
            labelled_screen.channels, histograms, plan
        ),
    )


def _by_own_plates(
    labelled_screen: Prepared, spec: Screen, source: pd.DataFrame
) -> Prepared:
    """Sets the levels and the illumination to those of the experiment's plates."""
    plan = labelled_screen.description["plan"]
    if COUNTED not in plan:
        return labelled_screen
    new_names = renamed(
        spec, plan[COUNTED], source, labelled_screen.table, labelled_screen.directory
    )
    if not new_names:
        return labelled_screen
    counted = _read_counts(labelled_screen, new_names)
    by_plate = {
        plate: shard_counts.statistics_of_channels(
            labelled_screen.channels, histograms, plan
        )
        for plate, histograms in _regrouped(counted.histograms, new_names).items()
    }
    return dataclasses.replace(
        labelled_screen,
        description={**labelled_screen.description, PLATES: by_plate},
        fields=_fields(labelled_screen, _regrouped(counted.blocks or {}, new_names)),
    )


def _read_counts(
    labelled_screen: Prepared, known: Collection[str]
) -> shard_counts.ShardCounts:
    """Reads the counts of all shards.

    Args:
      labelled_screen: the screen.
      known: its plates, named as they are counted.

    Raises:
      InputError: the counts are missing, or of other plates.
    """
    try:
        counted = shard_counts.read(labelled_screen.directory, labelled_screen.shards)
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename} is gone, which counts the pixels of each plate, and "
            "config.train.hold_out, or plates that are named otherwise than in the "
            "preparation, need that: copy the folder facts too, or "
            "prepare the screen again in another config.data.dir"
        ) from error
    if unknown := counted.histograms.keys() - set(known):
        raise InputError(
            f"{labelled_screen.directory}/facts counts the plate {min(unknown)!r}, "
            "which the table of the screen has not: delete that folder and run "
            "--job=prepare again"
        )
    return counted


def _regrouped(
    by_plate: Mapping[str, np.ndarray], new_names: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Adds up the sums of plates that were renamed or joined; sorted by plate."""
    result: dict[str, np.ndarray] = {}
    for plate, sums in by_plate.items():
        result[new_names[plate]] = sums + result.get(new_names[plate], 0)
    return dict(sorted(result.items()))


def _fields(
    labelled_screen: Prepared, blocks: Mapping[str, np.ndarray]
) -> tuple[list[str], np.ndarray] | None:
    """Makes the fields; None if a former version summed no blocks."""
    if not blocks:
        return None
    size_px = labelled_screen.height_px, labelled_screen.width_px
    plate_fields = [illumination.fields(sums, *size_px) for sums in blocks.values()]
    return list(blocks), np.stack(plate_fields)
