"""Groups of records that are held apart, and the language that names them.

What is held apart is a unit ("record", "well", "plate", any Metadata_* column in small
letters ...), and which of its groups:

    "plate:0.25"     a quarter at random
    "plate:A/1+A/2"  these; where all are numbers, 1 is 1.0
    "plate#2/5"      the second of five folds that all plates are dealt to
    "given"          the publisher's own: Metadata_Split is "train" or "test"

Groups are never guessed: a screen that lacks a column has no such groups.
"""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError, Skip, nearest
from gandl_jax.profiles import table

GIVEN, HELD_OUT = NO_GROUPS = "given", "held_out"  # name no kind of group
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
    """What a text holds apart.

    Attributes:
      unit: "plate".
      which: of its groups, "0.25" or "A/1+A/2"; "" is not said.
      fold: (number from 1, folds) where those are dealt; None elsewhere.
    """

    unit: str
    which: str = ""
    fold: tuple[int, int] | None = None


def parse(text: str, *, key: str) -> Asked:
    """Reads "plate", "plate:0.25", "plate:A/1+A/2", "plate#2/5" or "given".

    Args:
      text: of the config.
      key: its key, to be named in an error.

    Raises:
      InputError: a fold that there is not, or something after "given".
    """
    if found := _FOLD.fullmatch(text):
        number, folds = int(found[2]), int(found[3])
        if not 1 <= number <= folds or folds < 2:
            raise InputError(
                f"{key}: {text!r} should name a fold of two or more, from 1, as in "
                f"{found[1]}#1/5"
            )
        return Asked(found[1], fold=(number, folds))
    unit, _, which = text.partition(":")
    if unit in NO_GROUPS and which:
        raise InputError(f"{key}: {unit!r} takes nothing after it, but has {which!r}")
    return Asked(unit, which)


def unit(text: str) -> str:
    """What a split's name holds apart: "plate" of "plate:0.25" and "plate#2/5"."""
    return parse(text, key=text).unit


def groups(metadata: pd.DataFrame, unit: str, *, key: str) -> np.ndarray:
    """The group of each record.

    Args:
      metadata: [N] rows of Metadata_* columns.
      unit: "record", "site", "well", "row" (of wells), "plate", or any Metadata_*
        column in small letters: "experiment", "treatment", "cell_type" ...
      key: the config key to be named in an error.

    Returns:
      [N] str objects.

    Raises:
      InputError: there is no such unit.
      Skip: the screen lacks its column, or some records have none of it.
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
    own = metadata[column].astype(str)
    if unit == "site" and column == "Metadata_Site":
        return (pd.Series(table.wells(metadata), own.index) + "/" + own).to_numpy(
            object
        )
    tables = {"well": table.wells, "row": table.rows, "plate": table.plates}
    return tables[unit](metadata) if unit in tables else own.to_numpy(object)


def has_group(metadata: pd.DataFrame, unit: str) -> np.ndarray:
    """Which records have a group of a unit.

    Args:
      metadata: [N] rows of Metadata_* columns.
      unit: as of `groups`.

    Returns:
      [N] bool; all true where the screen has no such column, for that is told of all.
    """
    named = {c.removeprefix("Metadata_").lower(): c for c in metadata}
    column = named.get("well" if unit == "row" else unit)
    if column is None:
        return np.ones(len(metadata), bool)
    return ~is_blank(metadata[column]).to_numpy()


def all_of(metadata: pd.DataFrame, unit: str, key: str) -> set[str]:
    """The groups that any record is of, of whatever cell model."""
    if unit == "record":
        return set()
    blank = is_blank(metadata[find_column(metadata, unit, key)])
    return {str(name) for name in groups(metadata[~blank], unit, key=key)}


def listed(known: set[str], asked: Asked, key: str) -> set[str]:
    """The groups that are named, with + between.

    Raises:
      InputError: one is none of those known.
    """
    unit, which = asked.unit, asked.which
    if unit == "record":
        raise InputError(f"{key}: record:{which} should be a share such as record:0.25")
    parts = [which] if names.meant(which, known) else which.split("+")
    wanted: set[str] = set()
    for name in parts:
        found = names.meant(name, known)
        if not found:
            raise InputError(
                f"{key}: no {unit} is called {name!r}; {_near(name, known)}"
            )
        wanted |= found
    return wanted


def share(asked: Asked, known: set[str]) -> float | None:
    """The share that is asked for; None where groups are named, or nothing is.

    A name counts as one where any cell model has it: "plate:3", "donor:0.5".
    """
    if not asked.which or names.meant(asked.which, known):
        return None
    try:
        number = float(asked.which)
    except ValueError:
        return None
    return number if 0 < number < 1 else None


def dealt(metadata: pd.DataFrame, asked: Asked, key: str) -> np.ndarray:
    """Which records are of a fold: all groups are dealt to the folds, by turns.

    Each cell model's groups are spread over all folds. The same screen has the same
    folds, whatever is predicted and whoever asks.

    Args:
      metadata: [N] rows of Metadata_* columns, the whole screen's.
      asked: of a fold.
      key: the config key to be named in an error.

    Returns:
      [N] bool; false for records that have no group.

    Raises:
      InputError: there is no such unit, or it has fewer groups than folds.
      Skip: the screen lacks its column.
    """
    number, folds = asked.fold
    groups(metadata.iloc[:0], asked.unit, key=key)  # tells of the column
    grouped = np.flatnonzero(has_group(metadata, asked.unit))
    of = groups(metadata.iloc[grouped], asked.unit, key=key).astype(str)
    known = len(np.unique(of))
    if known < folds:
        raise InputError(
            f"{key}: {asked.unit}#{number}/{folds} deals {known} groups to {folds} "
            "folds: name fewer folds"
        )
    order = shuffled(of, table.cell_models(metadata.iloc[grouped]))
    held = np.zeros(len(metadata), bool)
    held[grouped] = np.isin(of, order[number - 1 :: folds])
    return held


def drawn(of: np.ndarray, kinds: np.ndarray, frac: float) -> list[str]:
    """A share of all groups, one at least, spread over cell models.

    Args:
      of: [n] str, the group of each record.
      kinds: [n] str, its cell model.
      frac: in (0, 1).
    """
    order = shuffled(of, kinds)
    count = max(1, round(frac * len(order)))
    places = np.floor((np.arange(count) + 0.5) * len(order) / count).astype(int)
    return list(order[places])


def shuffled(of: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """[G] names of groups in random order, those of one cell model together.

    The order is the same for every experiment of a screen.

    Args:
      of: [n] str, the group of each record.
      kinds: [n] str, its cell model.
    """
    known, first = np.unique(of, return_index=True)
    mixed = np.random.default_rng(DEAL).permutation(len(known))
    return known[mixed[np.argsort(kinds[first][mixed].astype(str), kind="stable")]]


def chosen(metadata: pd.DataFrame, text: str, *, key: str) -> np.ndarray:
    """The records of the groups that a text names: "plate:A/1+A/2", "plate#2/5" ...

    Args:
      metadata: [N] rows of Metadata_* columns, of the whole screen.
      text: it says which groups; "given" is the publisher's test part.
      key: the config key to be named in an error.

    Returns:
      [N] bool; false for records that have no group.

    Raises:
      InputError: no such unit, column or groups, it does not say which, or no record is
        of them.
    """
    try:
        named = _named(metadata, text, key)
    except Skip as error:
        raise InputError(f"{key}={text}: {error}") from error
    if not named.any():
        raise InputError(f"{key}={text} holds no record: name other groups")
    return named


def _named(metadata: pd.DataFrame, text: str, key: str) -> np.ndarray:
    asked = parse(text, key=key)
    if asked.unit == GIVEN:
        side = groups(metadata, "split", key=key).astype(str)
        return np.char.lower(side) == "test"
    if asked.fold:
        return dealt(metadata, asked, key)
    known = all_of(metadata, asked.unit, key)
    if not asked.which:
        raise InputError(
            f"{key}={asked.unit} does not say which: name some, as in "
            f"{asked.unit}:A+B, a share, {asked.unit}:0.33, or a fold, "
            f"{asked.unit}#1/5"
        )
    frac = share(asked, known)
    has = np.flatnonzero(has_group(metadata, asked.unit))
    of = groups(metadata.iloc[has], asked.unit, key=key).astype(str)
    if frac is None:
        wanted = listed(known, asked, key)
    else:
        wanted = drawn(of, table.cell_models(metadata.iloc[has]), frac)
    named = np.zeros(len(metadata), bool)
    named[has] = np.isin(of, sorted(wanted))
    return named


def find_column(metadata: pd.DataFrame, unit: str, key: str) -> str:
    """The column that tells a unit's groups apart.

    Raises:
      InputError: there is no such unit.
      Skip: the screen lacks its column.
    """
    columns = {c.removeprefix("Metadata_").lower(): c for c in metadata}
    column = "well" if unit == "row" else unit
    if unit == "site" and "site" not in columns and "site_id" in columns:
        return columns["site_id"]  # an image's whole name, as it stands for its crops
    if column in columns:
        return columns[column]
    if unit in (*USUAL, "split"):
        raise Skip(f"the screen has no column Metadata_{column.title()}; change {key}")
    hint = nearest(unit, {*USUAL, GIVEN, *columns})
    raise InputError(
        f"{key} names {unit!r}, which is nothing that records have: {hint}"
    )


def is_blank(column: pd.Series) -> pd.Series:
    """[N] bool: which values are missing, or only spaces."""
    return column.isna() | (column.astype(str).str.strip() == "")


def _near(name: str, known: set[str]) -> str:
    hint = nearest(name, known)
    return hint if len(hint) < 200 else f"there are {len(known):,}"
