"""Records of other prepared screens that join a training: config.data.extra.

They mend imbalance: each class is filled up to a share of the largest class. They are
used for training only, never for validation or scoring. Records that their generator
has seen count as seen. Imports nothing slow.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.errors import InputError, nearest
from gandl_jax.prepared import joined, labelled
from gandl_jax.prepared.description import GENERATED
from gandl_jax.prepared.prepared import DESCRIPTION, Prepared, open_prepared
from gandl_jax.raw import screen
from gandl_jax.reading.classes import Classes
from gandl_jax.training import trained_on_table
from gandl_jax.training.held_out import Rows

ENDS = ("low", "high")
TOLERANCE = 1e-6  # of a grey level


@dataclasses.dataclass(frozen=True)
class Extra:
    """The records of other screens that join a training.

    Attributes:
      dataset: the screen with all records of the others after its own.
      classes: of all those records.
      rows: [m] int64, the other screens' records that are trained on.
      seen: those records and the ones that their generators saw, as from
        `trained_on.read`.
      fingerprints: of the other screens.
    """

    dataset: Prepared
    classes: Classes
    rows: np.ndarray
    seen: pd.DataFrame
    fingerprints: tuple[str, ...]


class _Other(NamedTuple):
    """A screen that joins, the classes of its records, its generator's records."""

    dataset: Prepared
    codes: np.ndarray
    generator: pd.DataFrame


def join(
    config: ml_collections.ConfigDict,
    dataset: Prepared,
    channels: tuple[str, ...],
    classes: Classes,
    rows: Rows,
) -> Extra:
    """Joins the screens of `config.data.extra` to the one that is trained on.

    Args:
      config: of the experiment.
      dataset: the screen.
      channels: that are used.
      classes: of its records.
      rows: of the screen that are trained on, validated by and held out.

    Raises:
      InputError: a folder is no prepared screen, has other images, classes or grey
        levels, holds records of the screen itself, or was drawn by a generator that
        has seen records that are set aside here; or no record fills a class up.
    """
    others = [
        _open(config, dataset, channels, classes, rows, path)
        for path in config.data.extra
    ]
    codes = np.concatenate([classes.codes, *(other.codes for other in others)])
    trained_codes = classes.codes[rows.trained]
    known = trained_codes[trained_codes >= 0]
    counts = np.bincount(known, minlength=len(classes.names))
    filling_rows = _taken(codes, dataset.records, counts, config.data.extra_frac)
    if not len(filling_rows):
        raise InputError(
            f"config.data.extra has no record to fill a class of {classes.column} up "
            f"to config.data.extra_frac={config.data.extra_frac} of the largest: leave "
            "it out, or name a larger share"
        )
    seen, all_screens = [other.generator for other in others], dataset
    for other in others:
        screen_rows = filling_rows[
            (filling_rows >= all_screens.records)
            & (filling_rows < all_screens.records + len(other.codes))
        ]
        seen.append(
            _as_seen(other.dataset, screen_rows - all_screens.records, classes.column)
        )
        all_screens = joined.join(all_screens, other.dataset)
    return Extra(
        all_screens,
        classes._replace(codes=codes.astype(np.int32)),
        filling_rows,
        pd.concat(seen, ignore_index=True),
        tuple(other.dataset.fingerprint for other in others),
    )


def _open(
    config: ml_collections.ConfigDict,
    main: Prepared,
    channels: tuple[str, ...],
    classes: Classes,
    rows: Rows,
    path: str,
) -> _Other:
    """Opens one of the other screens.

    Raises:
      InputError: as in `join`.
    """
    if config.data.illumination != "none":
        raise InputError(
            f"config.data.illumination={config.data.illumination} is of the plates of "
            "one screen, and config.data.extra names others: set "
            "--config.data.illumination=none"
        )
    if not (epath.Path(path) / DESCRIPTION).exists():
        raise InputError(
            f"config.data.extra={path} holds no prepared screen: finish --job=generate "
            "or --job=prepare there, or name another folder"
        )
    opened = labelled.label(open_prepared(path), screen.load(config), by_plate=False)
    joined.check_alike(main, opened, channels)
    ids = main.table["Metadata_Record_ID"].astype(str)
    shared = opened.table["Metadata_Record_ID"].astype(str).isin(ids)
    if shared.any():
        raise InputError(
            f"config.data.extra={path} holds {int(shared.sum()):,} records that are "
            f"in {main.directory} already: name a screen of others"
        )
    generator = _generator_seen(config, main, opened, channels, rows)
    return _Other(opened, _codes(config, opened, classes), generator)


def _generator_seen(
    config: ml_collections.ConfigDict,
    main: Prepared,
    other: Prepared,
    channels: tuple[str, ...],
    rows: Rows,
) -> pd.DataFrame:
    """Reads the records that a screen's generator saw; none if it has no generator.

    Raises:
      InputError: it has seen records that are set aside, or draws other grey levels.
    """
    plan = other.description["plan"].get(GENERATED)
    if plan is None:
        return pd.DataFrame(columns=trained_on_table.COLUMNS)
    _check_levels(config, main, other, channels, plan)
    path = epath.Path(other.directory) / trained_on_table.FILE
    table = trained_on_table.read_file(path, plan["trained_on_sha256"])
    is_this_screen = (table["screen"] == main.name) | (
        table["metadata_sha256"] == main.metadata_sha256
    )
    ids = main.table["Metadata_Record_ID"].to_numpy(str)
    for key, set_aside in (("hold_out", rows.held_out), ("validation", rows.validated)):
        known = np.isin(
            ids[set_aside], table.loc[is_this_screen, "record_id"].to_numpy(str)
        )
        if known.any():
            raise InputError(
                f"config.data.extra={other.directory} was drawn by a generator that "
                f"has seen {int(known.sum()):,} of the records that "
                f"config.train.{key}={config.train[key]} sets aside here, such as "
                f"{ids[set_aside][known][0]}: train it with the same "
                "config.train.hold_out and validation"
            )
    return table


def _check_levels(
    config: ml_collections.ConfigDict,
    main: Prepared,
    other: Prepared,
    channels: tuple[str, ...],
    plan: Mapping[str, Any],
) -> None:
    """Refuses generated images whose grey levels differ from those seen here."""
    if plan["scaling"] != config.data.scaling:
        raise InputError(
            f"config.data.extra={other.directory} was generated with config.data."
            f"scaling={plan['scaling']}, and this is {config.data.scaling}: train both "
            "by the same"
        )
    for name in channels:
        for end in ENDS:
            their_level, our_level = (
                screen_data.statistics[name][end] for screen_data in (other, main)
            )
            if (
                config.data.scaling == "dataset"
                and abs(their_level - our_level) > TOLERANCE
            ):
                raise InputError(
                    f"config.data.extra={other.directory} was generated where the "
                    f"{end} level of {name} is {their_level:g}, and here it is "
                    f"{our_level:g}: were other records held out, or the screen "
                    "prepared otherwise? Train the generator by the same"
                )


def _codes(
    config: ml_collections.ConfigDict, other: Prepared, classes: Classes
) -> np.ndarray:
    """Returns the classes of another screen's records: [m] int, -1 where blank.

    Raises:
      InputError: it has no such column, or a class that this screen lacks.
    """
    column = f"Metadata_{classes.column}"
    if column not in other.table:
        raise InputError(
            f"config.data.extra={other.directory} has no column {column}, by which its "
            "records are of a class: name a screen with the same columns"
        )
    values = other.table[column].astype(str).str.strip().to_numpy(object)
    unknown = sorted({value for value in values if value} - {*classes.names})
    if unknown and not config.data.label_values:
        raise InputError(
            f"config.data.extra={other.directory} has records of the {classes.column} "
            f"{unknown[0]!r}, which the screen does not have: "
            f"{nearest(unknown[0], classes.names)}"
        )
    return pd.Index(classes.names, dtype=object).get_indexer(values)


def _taken(
    codes: np.ndarray, first: int, counts: np.ndarray, frac: float
) -> np.ndarray:
    """Returns the rows from `first` on that fill classes up, [m] int64, ascending.

    Args:
      codes: [N] class of each record, -1 for none.
      first: first row that may be taken.
      counts: [K] records of each class that are trained on.
      frac: share of the largest class to fill each class up to.
    """
    wanted = np.maximum(np.floor(frac * counts.max()).astype(int) - counts, 0)
    class_rows = [
        first + np.flatnonzero(codes[first:] == code)[:count]
        for code, count in enumerate(wanted.tolist())
    ]
    return np.sort(np.concatenate(class_rows)).astype(np.int64)


def _as_seen(other: Prepared, rows: np.ndarray, column: str) -> pd.DataFrame:
    """Table of another screen's records that are trained on, as `trained_on.read`."""
    ids = other.table["Metadata_Record_ID"].to_numpy(str)[rows]
    return pd.DataFrame(
        {
            "screen": other.name,
            "metadata_sha256": other.metadata_sha256,
            "record_id": ids,
            "seen": trained_on_table.TRAINED,
            "labels": column,
        }
    )
