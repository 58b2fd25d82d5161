"""The numbers behind the figures: tables that make up one CSV file each."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

Numbers = dict[str, list[pd.DataFrame]]  # name of a file -> its tables


def add(
    numbers: Numbers,
    name: str,
    dataset: str,
    rows: pd.DataFrame | Sequence[Mapping[str, Any]],
) -> None:
    """Adds a screen's rows to a file, with the screen's name in front; no rows, none.

    Args:
      numbers: changed in place.
      name: of the file, without .csv.
      dataset: the screen.
      rows: one a line.
    """
    if len(rows):
        table = pd.DataFrame(rows, dtype=object if isinstance(rows, list) else None)
        table.insert(0, "dataset", dataset)
        numbers.setdefault(name, []).append(table)
