"""Classes that records are of: the values of a column of labels."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError, nearest

MOST = 2_000  # each needs images to be learnt from (ours)


class Classes(NamedTuple):
    """What a column tells the records of a screen apart by.

    Attributes:
      column: without its "Metadata_", as the table has it.
      names: of the classes, sorted; blanks are none of them.
      codes: [N] int32, which one each record is of; -1 where it is blank.
    """

    column: str
    names: tuple[str, ...]
    codes: np.ndarray


def read(table: pd.DataFrame, label: str) -> Classes:
    """The distinct values of a column.

    Args:
      table: N rows of `Metadata_*` columns.
      label: a column without its "Metadata_", in letters of any case.

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
    blanks = int(is_blank.any())  # which sorts before all others
    codes = (codes - blanks).astype(np.int32)
    return Classes(column, tuple(classes[blanks:].tolist()), codes)


def read_all(table: pd.DataFrame, labels: Sequence[str]) -> dict[str, Classes]:
    """Column to its classes, as `read` gives them.

    Raises:
      InputError: as of `read`, or two of the labels are one column.
    """
    found = [read(table, label) for label in labels]
    columns = [classes.column for classes in found]
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise InputError(f"config.data.label names {twice[0]!r} twice: name it once")
    return dict(zip(columns, found, strict=True))


def only(found: Mapping[str, Classes], values: Sequence[str]) -> dict[str, Classes]:
    """The same columns with some of their values; records with others are blank.

    Args:
      found: as of `read_all`.
      values: `config.data.label_values`, of whichever column; none is all.

    Raises:
      InputError: no column has one of them, or a column has none.
    """
    if not values:
        return dict(found)
    known = {name for classes in found.values() for name in classes.names}
    for value in values:
        if value not in known:
            raise InputError(
                f"config.data.label_values names {value!r}, which no record has as its "
                f"{' or '.join(found)}: {nearest(value, known)}"
            )
    made = {column: _only(classes, values) for column, classes in found.items()}
    for column, classes in made.items():
        if not classes.names:
            raise InputError(
                f"config.data.label_values names no value of {column}: name one, or "
                "leave the column out of config.data.label"
            )
    return made


def _only(classes: Classes, values: Sequence[str]) -> Classes:
    kept = [i for i, name in enumerate(classes.names) if name in values]
    now = np.full(len(classes.names) + 1, -1, np.int32)  # the last is of blanks
    now[kept] = np.arange(len(kept))
    names = tuple(classes.names[i] for i in kept)
    return Classes(classes.column, names, now[classes.codes])


def _column(table: pd.DataFrame, label: str) -> tuple[str, list[str]]:
    """The column that a label means, and all that there are."""
    label = names.clean(label)
    known = sorted(c.partition("_")[2] for c in table if c.startswith("Metadata_"))
    alike = [name for name in known if name.lower() == label.lower()]
    if not alike:
        raise InputError(
            f"config.data.label={label!r} is no column of the screen: it has "
            f"{', '.join(known)}"
        )
    return (label if label in known else alike[0]), known
