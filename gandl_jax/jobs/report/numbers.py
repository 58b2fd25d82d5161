"""Numbers behind the figures: tables that make up one CSV file each."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gandl_jax import dose_unit

Numbers = dict[str, list[pd.DataFrame]]  # name of a file -> its tables


def add(
    numbers: Numbers,
    name: str,
    dataset: str,
    rows: pd.DataFrame | Sequence[Mapping[str, Any]],
) -> None:
    """Adds a screen's rows to a file, with the screen's name in front.

    Args:
      numbers: changed in place.
      name: of the file, without .csv.
      dataset: the screen.
      rows: a line each; none adds nothing.
    """
    if len(rows):
        table = pd.DataFrame(rows, dtype=object if isinstance(rows, list) else None)
        table.insert(0, "dataset", dataset)
        table = _in_their_unit(table)
        numbers.setdefault(name, []).append(table)


def _in_their_unit(table: pd.DataFrame) -> pd.DataFrame:
    """Names columns of doses for the unit that the rows give."""
    if dose_unit.KEY not in table:
        return table
    unit = dose_unit.named_in(table.iloc[0])
    return table.rename(columns=lambda name: dose_unit.column(name, unit))
