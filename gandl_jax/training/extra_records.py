"""Records of other prepared screens that join a training: config.data.extra.

They mend imbalance: of each class as many are taken as it lacks of a share of the
largest class. They are trained on alone: nothing is validated by them or judged on
them. What a generator of theirs has seen counts as seen. Imports nothing slow.
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
from gandl_jax.prepared.prepared import Prepared, open_prepared
from gandl_jax.raw import screen
from gandl_jax.reading.classes import Classes
from gandl_jax.training import trained_on_table
from gandl_jax.training.held_out import Rows

ENDS = ("low", "high")
TOLERANCE = 1e-6  # of a grey level


@dataclasses.dataclass(frozen=True)
class Extra:
    """What joins a training.

    Attributes:
      dataset: the screen with all records of the others after its own.
      classes: of all of them.
      rows: [m] int64, those of the others that are trained on.
      seen: as of `trained_on.read`: them, and what their generators have seen.
      fingerprints: of the screens that they are of.
    """

    dataset: Prepared
    classes: Classes
    rows: np.ndarray
    seen: pd.DataFrame
    fingerprints: tuple[str, ...]


class _Other(NamedTuple):
    """A screen that joins, the class of each of its records, what its generator saw."""

    dataset: Prepared
    codes: np.ndarray
    generator: pd.DataFrame


def join(
    config: ml_collections.ConfigDict,
    dataset: Prepared,
    channels: tuple[str, ...],
    found: Classes,
    rows: Rows,
) -> Extra:
    """Joins the screens of `config.data.extra` to the one that is trained on.

    Args:
      config: of the experiment.
      dataset: the screen.
      channels: that are used.
      found: classes of its records.
      rows: of the screen that are trained on, and those that are not.

    Raises:
      InputError: a folder is no such screen, has other images, classes or grey levels,
        holds records of the screen itself, or was drawn by a generator that has seen
        records which are not trained on here; or no record fills a class up.
    """
    others = [
        _open(config, dataset, channels, found, rows, p) for p in config.data.extra
    ]
    codes = np.concatenate([found.codes, *(other.codes for other in others)])
    own = found.codes[rows.trained]
    counts = np.bincount(own[own >= 0], minlength=len(found.names))
    taken = _taken(codes, dataset.records, counts, config.data.extra_frac)
    if not len(taken):
        raise InputError(
            f"config.data.extra has no record to fill a class of {found.column} up to "
            f"config.data.extra_frac={config.data.extra_frac} of the largest: leave it "
            "out, or name a larger share"
        )
    seen, whole = [other.generator for other in others], dataset
    for other in others:
        own = taken[
            (taken >= whole.records) & (taken < whole.records + len(other.codes))
        ]
        seen.append(_as_seen(other.dataset, own - whole.records, found.column))
        whole = joined.join(whole, other.dataset)
    return Extra(
        whole,
        found._replace(codes=codes.astype(np.int32)),
        taken,
        pd.concat(seen, ignore_index=True),
        tuple(other.dataset.fingerprint for other in others),
    )


def _open(
    config: ml_collections.ConfigDict,
    main: Prepared,
    channels: tuple[str, ...],
    found: Classes,
    rows: Rows,
    place: str,
) -> _Other:
    """Opens one of the others; raises as `join`."""
    if config.data.illumination != "none":
        raise InputError(
            f"config.data.illumination={config.data.illumination} is of the plates of "
            "one screen, and config.data.extra names others: set "
            "--config.data.illumination=none"
        )
    opened = labelled.label(open_prepared(place), screen.load(config), by_plate=False)
    joined.check_alike(main, opened, channels)
    ids = main.table["Metadata_Record_ID"].astype(str)
    shared = opened.table["Metadata_Record_ID"].astype(str).isin(ids)
    if shared.any():
        raise InputError(
            f"config.data.extra={place} holds {int(shared.sum()):,} records that are "
            f"in {main.directory} already: name a screen of others"
        )
    generator = _generator_seen(config, main, opened, channels, rows)
    return _Other(opened, _codes(config, opened, found), generator)


def _generator_seen(
    config: ml_collections.ConfigDict,
    main: Prepared,
    other: Prepared,
    channels: tuple[str, ...],
    rows: Rows,
) -> pd.DataFrame:
    """What the generator of a screen has seen; nothing of one that was not generated.

    Raises:
      InputError: it has seen records that are not trained on, or draws other levels.
    """
    made = other.description["plan"].get(GENERATED)
    if made is None:
        return pd.DataFrame(columns=trained_on_table.COLUMNS)
    _check_levels(config, main, other, channels, made)
    path = epath.Path(other.directory) / trained_on_table.FILE
    table = trained_on_table.read_file(path, made["trained_on_sha256"])
    same = (table["screen"] == main.name) | (
        table["metadata_sha256"] == main.metadata_sha256
    )
    ids = main.table["Metadata_Record_ID"].to_numpy(str)
    for key, kept in (("hold_out", rows.held_out), ("validation", rows.validated)):
        known = np.isin(ids[kept], table.loc[same, "record_id"].to_numpy(str))
        if known.any():
            raise InputError(
                f"config.data.extra={other.directory} was drawn by a generator that "
                f"has seen {int(known.sum()):,} of the records that config.train.{key}="
                f"{config.train[key]} sets aside here, such as {ids[kept][known][0]}: "
                "train it with the same config.train.hold_out and validation"
            )
    return table


def _check_levels(
    config: ml_collections.ConfigDict,
    main: Prepared,
    other: Prepared,
    channels: tuple[str, ...],
    made: Mapping[str, Any],
) -> None:
    """Raises where generated images have other grey levels than networks see here."""
    if made["scaling"] != config.data.scaling:
        raise InputError(
            f"config.data.extra={other.directory} was generated with config.data."
            f"scaling={made['scaling']}, and this is {config.data.scaling}: train both "
            "by the same"
        )
    for name in channels:
        for end in ENDS:
            theirs, ours = (one.statistics[name][end] for one in (other, main))
            if config.data.scaling == "dataset" and abs(theirs - ours) > TOLERANCE:
                raise InputError(
                    f"config.data.extra={other.directory} was generated where the "
                    f"{end} level of {name} is {theirs:g}, and here it is {ours:g}: "
                    "were other records held out, or the screen prepared otherwise? "
                    "Train the generator by the same"
                )


def _codes(
    config: ml_collections.ConfigDict, other: Prepared, found: Classes
) -> np.ndarray:
    """[m] int: classes of the records of another screen, -1 of those that are blank.

    Raises:
      InputError: it has no such column, or a class that the screen does not have.
    """
    column = f"Metadata_{found.column}"
    if column not in other.table:
        raise InputError(
            f"config.data.extra={other.directory} has no column {column}, by which its "
            "records are of a class: name a screen with the same columns"
        )
    values = other.table[column].astype(str).str.strip().to_numpy(object)
    unknown = sorted({value for value in values if value} - {*found.names})
    if unknown and not config.data.label_values:
        raise InputError(
            f"config.data.extra={other.directory} has records of the {found.column} "
            f"{unknown[0]!r}, which the screen does not have: "
            f"{nearest(unknown[0], found.names)}"
        )
    return pd.Index(found.names, dtype=object).get_indexer(values)


def _taken(
    codes: np.ndarray, first: int, counts: np.ndarray, frac: float
) -> np.ndarray:
    """[m] rows from `first` on that fill classes up, in stored order, ascending.

    Args:
      codes: [N] class of each record, -1 for none.
      first: row of the first record that may be taken.
      counts: [K] records of each class that are trained on.
      frac: of the largest class, that each shall have.
    """
    wanted = np.maximum(np.floor(frac * counts.max()).astype(int) - counts, 0)
    parts = [
        first + np.flatnonzero(codes[first:] == code)[:count]
        for code, count in enumerate(wanted.tolist())
    ]
    return np.sort(np.concatenate(parts)).astype(np.int64)


def _as_seen(other: Prepared, rows: np.ndarray, column: str) -> pd.DataFrame:
    """Records of another screen that are trained on, as of `trained_on.read`."""
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
