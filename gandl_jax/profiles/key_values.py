"""Values of key columns in one spelling, however a file writes them."""

import re

import pandas as pd

_NUMBER = re.compile(r"(-?)0*(\d+)(?:\.(\d*?)0*)?", re.ASCII)


def as_numbers(values: pd.Series) -> pd.Series:
    """Writes numbers in texts in one way: "01", "1.0" and "1" become "1".

    Digits are not rounded, and "1e3" stays as it is: it may be a name.

    Args:
      values: [N] str.

    Returns:
      [N] str objects, with the same index.
    """
    known = {value: _as_number(value) for value in values.unique()}
    return values.map(known).astype(object)


def are_numbers(values: pd.Series) -> bool:
    """Checks that different values differ as numbers, too: "1" and "01" would not."""
    distinct = values.drop_duplicates()
    return as_numbers(distinct).is_unique


def _as_number(value: str) -> str:
    match = _NUMBER.fullmatch(value)
    if match is None:
        return value
    number = f"{match[2]}.{match[3]}" if match[3] else match[2]
    return number if number == "0" else match[1] + number
