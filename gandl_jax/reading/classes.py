"""Classes of records: the values of a column of labels."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError, nearest

MOST = 2_000  # classes; each needs images to learn from (ours)


class Classes(NamedTuple):
    """The classes of a screen's records in one column.

    Attributes:
      column: name in the table, without its "Metadata_".
      names: of the classes, sorted, without blanks.
      codes: [N] int32, class of each record; -1 if blank.
    """

    column: str
    names: tuple[str, ...]
    codes: np.ndarray


def read(table: pd.DataFrame, label: str) -> Classes:
    """Reads the classes of a column.

    Args:
      table: N rows of `Metadata_*` columns.
      label: name of a column without its "Metadata_", in any case.

    Raises:
      InputError: there is no such column, or it has one value (a blank counts as one),
        or more than `MOST`.
    """
    column, known = _column(table, label)
    values = table[f"Metadata_{column}"]
    values = values.astype(str).where(values.notna(), "").to_numpy(str)
    is_blank = np.char.strip(values) == ""
    classes, codes = np.unique(np.where(is_blank, "", values), return_inverse=True)
    if not 2 <= len(classes) <= MOST:
        raise InputError(
            f"config.data.label={label!r} has {len(classes):,} different values, not 2 "
            f"to {MOST:,}: name another column of {', '.join(known)}"
        )
    blanks = int(is_blank.any())  # "" sorts before all others
    codes = (codes - blanks).astype(np.int32)
    return Classes(column, tuple(classes[blanks:].tolist()), codes)


def read_all(table: pd.DataFrame, labels: Sequence[str]) -> dict[str, Classes]:
    """Reads {column: its classes}, as `read` does.

    Raises:
      InputError: as in `read`, or two of the labels are one column.
    """
    all_classes = [read(table, label) for label in labels]
    names = [classes.column for classes in all_classes]
    if twice := [column for column in names if names.count(column) > 1]:
        raise InputError(f"config.data.label names {twice[0]!r} twice: name it once")
    return dict(zip(names, all_classes, strict=True))


def only(
    columns: Mapping[str, Classes], values: Sequence[str], rest: str = ""
) -> dict[str, Classes]:
    """Restricts columns to some of their values; records with others are blank.

    Args:
      columns: {column: its classes}, as from `read_all`.
      values: `config.data.label_values`, of any column; () keeps all.
      rest: `config.data.label_rest`, the class of all other values; "" is none. Blank
        records never have a class.

    Raises:
      InputError: no column has one of the values, or a column has none; or `rest` is
        itself a value, or is set without values.
    """
    _check_rest(columns, values, rest)
    if not values:
        return dict(columns)
    known = {name for classes in columns.values() for name in classes.names}
    for value in values:
        if value not in known:
            raise InputError(
                f"config.data.label_values names {value!r}, which no record has as its "
                f"{' or '.join(columns)}: {nearest(value, known)}"
            )
    restricted = {
        column: _only(classes, values, rest) for column, classes in columns.items()
    }
    for column, classes in restricted.items():
        if not classes.names:
            raise InputError(
                f"config.data.label_values names no value of {column}: name one, or "
                "leave the column out of config.data.label"
            )
    return restricted


def _check_rest(
    columns: Mapping[str, Classes], values: Sequence[str], rest: str
) -> None:
    if not rest:
        return
    if not values:
        raise InputError(
            f"config.data.label_rest={rest} is a name for all but some values, and "
            "config.data.label_values names none: name those, or leave both out"
        )
    known = {name for classes in columns.values() for name in classes.names}
    if rest in known:
        raise InputError(
            f"config.data.label_rest={rest} is a value of {' or '.join(columns)} "
            "itself: choose another name for all that config.data.label_values does "
            "not name"
        )


def _only(classes: Classes, values: Sequence[str], rest: str) -> Classes:
    """Restricts one column to some of its values; the others are `rest`, or blank."""
    new_names = [name if name in values else rest for name in classes.names]
    names = tuple(sorted({*new_names} - {""}))
    code = {name: number for number, name in enumerate(names)}
    new_codes = [code.get(name, -1) for name in new_names]
    new_codes.append(-1)  # of blanks
    codes = np.array(new_codes, np.int32)[classes.codes]
    return Classes(classes.column, names, codes)


def _column(table: pd.DataFrame, label: str) -> tuple[str, list[str]]:
    """Finds the column that a label names; returns the names of all columns too."""
    label = names.clean(label)
    known = sorted(
        column.partition("_")[2] for column in table if column.startswith("Metadata_")
    )
    alike = [name for name in known if name.lower() == label.lower()]
    if not alike:
        raise InputError(
            f"config.data.label={label!r} is no column of the screen: it has "
            f"{', '.join(known)}"
        )
    return (label if label in known else alike[0]), known
