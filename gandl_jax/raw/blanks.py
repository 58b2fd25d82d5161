"""Blank cells of a table: white space, NA and other marks. Imports nothing slow."""

from collections.abc import Collection, Iterator, Sequence

import pandas as pd

MARKS = "NA", "N/A", "#N/A", "NaN", "nan", "<NA>"  # R's, Excel's, NumPy's, pandas'


def emptied(
    metadata: pd.DataFrame, columns: Sequence[str], *, kept: Collection[str] = ()
) -> pd.DataFrame:
    """Replaces the marks of a blank by "".

    Args:
      metadata: N rows, all columns str.
      columns: in which a cell may be blank.
      kept: texts that look like marks, but are values.

    Returns:
      N rows, in which cells of white space alone and those of MARKS are "".
    """
    marks = [mark for mark in MARKS if mark not in kept]
    changed = {}
    for column in columns:
        text = metadata[column].str.strip()
        changed[column] = metadata[column].mask((text == "") | text.isin(marks), "")
    return metadata.assign(**changed)


def remarks(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[str]:
    """Yields a sentence for each column in which cells were emptied."""
    for column in before:
        emptied = (before[column] != after[column]) & (after[column] == "")
        marks = before.loc[emptied, column]
        if len(marks):
            cells = "1 cell" if len(marks) == 1 else f"{len(marks)} cells"
            yield (
                f"{cells} of the column {column} read as blank, such as "
                f"{marks.iloc[0]!r}"
            )
