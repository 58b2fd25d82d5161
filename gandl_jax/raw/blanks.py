"""Cells of a table that say that nothing is known. Imports nothing slow."""

from collections.abc import Collection, Iterator, Sequence

import pandas as pd

MARKS = "NA", "N/A", "#N/A", "NaN", "nan", "<NA>"  # R's, Excel's, NumPy's, pandas'


def emptied(
    metadata: pd.DataFrame, columns: Sequence[str], *, meant: Collection[str] = ()
) -> pd.DataFrame:
    """The table with "" in place of what stands for a blank.

    Args:
      metadata: N rows, all columns str.
      columns: in which a cell may be blank.
      meant: texts that mean themselves, though they look like such marks.

    Returns:
      N rows, in which cells of white space alone and those of MARKS are "".
    """
    marks = [mark for mark in MARKS if mark not in meant]
    changed = {}
    for column in columns:
        text = metadata[column].str.strip()
        changed[column] = metadata[column].mask((text == "") | text.isin(marks), "")
    return metadata.assign(**changed)


def remarks(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[str]:
    """One sentence for each column in which cells were emptied."""
    for column in before:
        emptied = (before[column] != after[column]) & (after[column] == "")
        marks = before.loc[emptied, column]
        if len(marks):
            cells = "1 cell" if len(marks) == 1 else f"{len(marks)} cells"
            yield (
                f"{cells} of the column {column} read as blank, such as "
                f"{marks.iloc[0]!r}"
            )
