"""Groups of records that are held apart, and the notation that names them.

A unit ("record", "well", "plate", any Metadata_* column in small letters ...) has
groups, and some of them are held out:

    "plate:0.25"     a quarter at random
    "plate:A/1+A/2"  these two; if all names are numbers, 1 is 1.0
    "plate#2/5"      the second of five folds into which all plates are dealt
    "given"          the publisher's own: Metadata_Split is "train" or "test"

Groups are never guessed: a screen without a column has no groups of that unit.
"""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError, Skip, nearest
from gandl_jax.profiles import table

GIVEN, HELD_OUT = NO_GROUPS = "given", "held_out"  # name no unit
DEAL = 0  # seed of dealing groups to folds: the same for every experiment of a screen
USUAL = (
    "record",
    "site",
    "well",
    "row",
    "plate",
    "experiment",
    "treatment",
    "cell_type",
)
_FOLD = re.compile(r"([^:#]+)#(\d+)/(\d+)")


class Asked(NamedTuple):
    """Groups that a text asks for.

    Attributes:
      unit: "plate".
      which: of its groups, "0.25" or "A/1+A/2"; "" if the text does not say.
      fold: (number from 1, number of folds), or None.
    """

    unit: str
    which: str = ""
    fold: tuple[int, int] | None = None


def parse(text: str, *, key: str) -> Asked:
    """Reads "plate", "plate:0.25", "plate:A/1+A/2", "plate#2/5" or "given".

    Args:
      text: value in the config.
      key: its key, to be named in an error.

    Raises:
      InputError: there is no such fold, or something follows "given".
    """
    if match := _FOLD.fullmatch(text):
        number, folds = int(match[2]), int(match[3])
        if not 1 <= number <= folds or folds < 2:
            raise InputError(
                f"{key}: {text!r} should name a fold of two or more, from 1, as in "
                f"{match[1]}#1/5"
            )
        return Asked(match[1], fold=(number, folds))
    unit, _, which = text.partition(":")
    if unit in NO_GROUPS and which:
        raise InputError(f"{key}: {unit!r} takes nothing after it, but has {which!r}")
    return Asked(unit, which)


def unit(text: str) -> str:
    """Returns the unit in a split's name: "plate" of "plate:0.25" and "plate#2/5"."""
    return parse(text, key=text).unit


def groups(metadata: pd.DataFrame, unit: str, *, key: str) -> np.ndarray:
    """Returns the group of each record.

    Args:
      metadata: [N] rows of Metadata_* columns.
      unit: "record", "site", "well", "row" (of wells), "plate", or any Metadata_*
        column in small letters: "experiment", "treatment", "cell_type" ...
      key: the config key to be named in an error.

    Returns:
      [N] str objects.

    Raises:
      InputError: there is no such unit.
      Skip: the screen lacks its column, or some records have no value there.
    """
    if unit == "record":
        return np.arange(len(metadata)).astype(str).astype(object)
    column = find_column(metadata, unit, key)
    blank = int(is_blank(metadata[column]).sum())
    if blank:
        raise Skip(
            f"{blank:,} of {len(metadata):,} records have a blank {column}: fill it "
            f"in, or change {key}"
        )
    values = metadata[column].astype(str)
    if unit == "site" and column == "Metadata_Site":
        return (pd.Series(table.wells(metadata), values.index) + "/" + values).to_numpy(
            object
        )
    tables = {"well": table.wells, "row": table.rows, "plate": table.plates}
    return tables[unit](metadata) if unit in tables else values.to_numpy(object)


def has_group(metadata: pd.DataFrame, unit: str) -> np.ndarray:
    """Finds the records that have a group of a unit.

    Args:
      metadata: [N] rows of Metadata_* columns.
      unit: as for `groups`.

    Returns:
      [N] bool; all true if the screen has no such column: `groups` reports that.
    """
    columns = {name.removeprefix("Metadata_").lower(): name for name in metadata}
    column = columns.get("well" if unit == "row" else unit)
    if column is None:
        return np.ones(len(metadata), bool)
    return ~is_blank(metadata[column]).to_numpy()


def all_of(metadata: pd.DataFrame, unit: str, key: str) -> set[str]:
    """Returns the groups of a unit that any record has, in any cell model."""
    if unit == "record":
        return set()
    blank = is_blank(metadata[find_column(metadata, unit, key)])
    return {str(name) for name in groups(metadata[~blank], unit, key=key)}


def listed(known: set[str], asked: Asked, key: str) -> set[str]:
    """Returns the groups that are named, with + between.

    Raises:
      InputError: a name is none of those known.
    """
    unit, which = asked.unit, asked.which
    if unit == "record":
        raise InputError(f"{key}: record:{which} should be a share such as record:0.25")
    asked_names = [which] if names.meant(which, known) else which.split("+")
    wanted: set[str] = set()
    for name in asked_names:
        matches = names.meant(name, known)
        if not matches:
            raise InputError(
                f"{key}: no {unit} is called {name!r}; {_near(name, known)}"
            )
        wanted |= matches
    return wanted


def share(asked: Asked, known: set[str]) -> float | None:
    """Returns the share that is asked for; None if groups are named, or nothing is.

    A number counts as a name if a group of any cell model has it: "plate:3",
    "donor:0.5".
    """
    if not asked.which or names.meant(asked.which, known):
        return None
    try:
        number = float(asked.which)
    except ValueError:
        return None
    return number if 0 < number < 1 else None


def find_fold(metadata: pd.DataFrame, asked: Asked, key: str) -> np.ndarray:
    """Finds the records of a fold: all groups are dealt to the folds in turn.

    Each cell model's groups are spread over all folds. The same screen has the same
    folds, whatever is predicted and whichever job deals them.

    Args:
      metadata: [N] rows of Metadata_* columns, the whole screen's.
      asked: names a fold.
      key: the config key to be named in an error.

    Returns:
      [N] bool; false for records that have no group.

    Raises:
      InputError: there is no such unit, or it has fewer groups than folds.
      Skip: the screen lacks its column.
    """
    number, folds = asked.fold
    groups(metadata.iloc[:0], asked.unit, key=key)  # raises for a missing column
    grouped = np.flatnonzero(has_group(metadata, asked.unit))
    record_groups = groups(metadata.iloc[grouped], asked.unit, key=key).astype(str)
    known = len(np.unique(record_groups))
    if known < folds:
        raise InputError(
            f"{key}: {asked.unit}#{number}/{folds} deals {known} groups to {folds} "
            "folds: name fewer folds"
        )
    order = shuffled(record_groups, table.cell_models(metadata.iloc[grouped]))
    in_fold = np.zeros(len(metadata), bool)
    in_fold[grouped] = np.isin(record_groups, order[number - 1 :: folds])
    return in_fold


def draw_share(
    record_groups: np.ndarray, cell_models: np.ndarray, frac: float
) -> list[str]:
    """Draws a share of all groups, at least one, spread over cell models.

    Args:
      record_groups: [n] str, the group of each record.
      cell_models: [n] str, its cell model.
      frac: in (0, 1).
    """
    order = shuffled(record_groups, cell_models)
    count = max(1, round(frac * len(order)))
    positions = np.floor((np.arange(count) + 0.5) * len(order) / count).astype(int)
    return list(order[positions])


def shuffled(record_groups: np.ndarray, cell_models: np.ndarray) -> np.ndarray:
    """Shuffles the names of groups, [G], keeping those of one cell model together.

    The order is the same for every experiment of a screen.

    Args:
      record_groups: [n] str, the group of each record.
      cell_models: [n] str, its cell model.
    """
    known, first = np.unique(record_groups, return_index=True)
    mixed = np.random.default_rng(DEAL).permutation(len(known))
    return known[
        mixed[np.argsort(cell_models[first][mixed].astype(str), kind="stable")]
    ]


def chosen(metadata: pd.DataFrame, text: str, *, key: str) -> np.ndarray:
    """Finds the records of the groups that a text names, such as "plate:A/1+A/2".

    Args:
      metadata: [N] rows of Metadata_* columns, of the whole screen.
      text: names the groups; "given" is the publisher's test records.
      key: the config key to be named in an error.

    Returns:
      [N] bool; false for records that have no group.

    Raises:
      InputError: there is no such unit, column or group, none is named, or no record is
        in them.
    """
    try:
        is_chosen = _named(metadata, text, key)
    except Skip as error:
        raise InputError(f"{key}={text}: {error}") from error
    if not is_chosen.any():
        raise InputError(f"{key}={text} holds no record: name other groups")
    return is_chosen


def _named(metadata: pd.DataFrame, text: str, key: str) -> np.ndarray:
    asked = parse(text, key=key)
    if asked.unit == GIVEN:
        side = groups(metadata, "split", key=key).astype(str)
        return np.char.lower(side) == "test"
    if asked.fold:
        return find_fold(metadata, asked, key)
    known = all_of(metadata, asked.unit, key)
    if not asked.which:
        raise InputError(
            f"{key}={asked.unit} does not say which: name some, as in "
            f"{asked.unit}:A+B, a share, {asked.unit}:0.33, or a fold, "
            f"{asked.unit}#1/5"
        )
    frac = share(asked, known)
    grouped = np.flatnonzero(has_group(metadata, asked.unit))
    record_groups = groups(metadata.iloc[grouped], asked.unit, key=key).astype(str)
    if frac is None:
        wanted = listed(known, asked, key)
    else:
        wanted = draw_share(
            record_groups, table.cell_models(metadata.iloc[grouped]), frac
        )
    is_chosen = np.zeros(len(metadata), bool)
    is_chosen[grouped] = np.isin(record_groups, sorted(wanted))
    return is_chosen


def find_column(metadata: pd.DataFrame, unit: str, key: str) -> str:
    """Returns the column with a unit's groups.

    Raises:
      InputError: there is no such unit.
      Skip: the screen lacks its column.
    """
    columns = {name.removeprefix("Metadata_").lower(): name for name in metadata}
    column = "well" if unit == "row" else unit
    if unit == "site" and "site" not in columns and "site_id" in columns:
        return columns["site_id"]  # an image's name, the same for all its crops
    if column in columns:
        return columns[column]
    if unit in (*USUAL, "split"):
        raise Skip(f"the screen has no column Metadata_{column.title()}; change {key}")
    hint = nearest(unit, {*USUAL, GIVEN, *columns})
    raise InputError(
        f"{key} names {unit!r}, which is nothing that records have: {hint}"
    )


def is_blank(column: pd.Series) -> pd.Series:
    """Finds values that are missing, or only spaces: [N] bool."""
    return column.isna() | (column.astype(str).str.strip() == "")


def _near(name: str, known: set[str]) -> str:
    hint = nearest(name, known)
    return hint if len(hint) < 200 else f"there are {len(known):,}"
