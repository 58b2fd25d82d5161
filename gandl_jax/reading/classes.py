"""Classes that a conditional network learns by: the values of one column."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError

MOST = 2_000  # each needs images to be learnt from (ours)


class Classes(NamedTuple):
    """What the records of a screen are told apart by.

    Attributes:
      names: of the classes, sorted; () is none.
      codes: [N] int32, which one each record is of; None without classes.
    """

    names: tuple[str, ...] = ()
    codes: np.ndarray | None = None


def read(table: pd.DataFrame, label: str) -> Classes:
    """The distinct values of a column; records without one are a class of their own.

    Args:
      table: N rows of `Metadata_*` columns.
      label: a column without its "Metadata_", in letters of any case; "" is none.

    Raises:
      InputError: there is no such column, or it has one value, or more than `MOST`.
    """
    label = names.clean(label)
    if not label:
        return Classes()
    named = {c.removeprefix("Metadata_"): c for c in table if c.startswith("Metadata_")}
    alike = [name for name in named if name.lower() == label.lower()]
    if not alike:
        raise InputError(
            f"config.data.label={label!r} is no column of the screen: it has "
            f"{', '.join(sorted(named))}"
        )
    column = table[named[label if label in named else alike[0]]]
    values = column.astype(str).where(column.notna(), "")
    known, codes = np.unique(values.to_numpy(str), return_inverse=True)
    if not 2 <= len(known) <= MOST:
        raise InputError(
            f"config.data.label={label!r} has {len(known):,} different values, not 2 "
            f"to {MOST:,}: name another column of {', '.join(sorted(named))}"
        )
    return Classes(tuple(known.tolist()), codes.astype(np.int32))


def note(found: Classes, label: str) -> str:
    """Says where records without a label are a class of their own; "" elsewhere.

    Args:
      found: as of `read`.
      label: of the config.
    """
    blank = [k for k, name in enumerate(found.names) if not name.strip()]
    if not blank:
        return ""
    count = int(np.isin(found.codes, blank).sum())
    return (
        f"{count:,} of {len(found.codes):,} records have a blank {label}: they are a "
        "class of their own, which the network learns too"
    )
