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
      InputError: as in `read`, or two of the labels are one column.
    """
    found = [read(table, label) for label in labels]
    columns = [classes.column for classes in found]
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise InputError(f"config.data.label names {twice[0]!r} twice: name it once")
    return dict(zip(columns, found, strict=True))


def only(
    found: Mapping[str, Classes], values: Sequence[str], rest: str = ""
) -> dict[str, Classes]:
    """The same columns with some of their values; records with others are blank.

    Args:
      found: as in `read_all`.
      values: `config.data.label_values`, of whichever column; none is all.
      rest: `config.data.label_rest`, the class that all other values are; "" is none,
        and where a column is blank its record is of no class in any case.

    Raises:
      InputError: no column has one of them, or a column has none; or `rest` is one of
        them, or there are none beside it.
    """
    _check_rest(found, values, rest)
    if not values:
        return dict(found)
    known = {name for classes in found.values() for name in classes.names}
    for value in values:
        if value not in known:
            raise InputError(
                f"config.data.label_values names {value!r}, which no record has as its "
                f"{' or '.join(found)}: {nearest(value, known)}"
            )
    made = {column: _only(classes, values, rest) for column, classes in found.items()}
    for column, classes in made.items():
        if not classes.names:
            raise InputError(
                f"config.data.label_values names no value of {column}: name one, or "
                "leave the column out of config.data.label"
            )
    return made


def _check_rest(found: Mapping[str, Classes], values: Sequence[str], rest: str) -> None:
    if not rest:
        return
    if not values:
        raise InputError(
            f"config.data.label_rest={rest} is a name for all but some values, and "
            "config.data.label_values names none: name those, or leave both out"
        )
    known = {name for classes in found.values() for name in classes.names}
    if rest in known:
        raise InputError(
            f"config.data.label_rest={rest} is a value of {' or '.join(found)} itself: "
            "choose another name for all that config.data.label_values does not name"
        )


def _only(classes: Classes, values: Sequence[str], rest: str) -> Classes:
    """One column with some of its values; the others are `rest`, or blank."""
    called = [name if name in values else rest for name in classes.names]
    names = tuple(sorted({*called} - {""}))
    number = {name: i for i, name in enumerate(names)}
    now = [number.get(name, -1) for name in called]
    now.append(-1)  # of blanks
    return Classes(classes.column, names, np.array(now, np.int32)[classes.codes])


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
