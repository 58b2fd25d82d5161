"""CSV files for people, who open them in spreadsheets.

A spreadsheet runs a cell that begins like a formula, such as a compound named
"=HYPERLINK(...)" or "-OH". Such text gets an apostrophe, which makes it text to every
spreadsheet (OWASP, "CSV Injection"). Numbers stay unchanged, even those stored as text.
Some spreadsheets also split cells at semicolons, tabs and lines, so text behind those
is treated too. Imports nothing slow but pandas.
"""

import re

import pandas as pd
from etils import epath
from pandas.api.types import is_numeric_dtype

from gandl_jax import files

_BLANKS = r"[\s\u200b\ufeff'\"]*"
_SIGNS = "[=+@\uff1d\uff0b\uff0d\uff20-]"  # and their full-width forms
_NUMBER = r"[+-](?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?=[;\t\r\n]|$)"
_FORMULA = rf"(?!{_NUMBER}){_BLANKS}{_SIGNS}"
_AT_START, _WITHIN = rf"(?={_FORMULA}|'*[\t\r\n])", rf"(?={_FORMULA})"
_TO_MARK = re.compile(rf"^{_AT_START}|(?<=[;\t\r\n]){_WITHIN}")
_MARKED = re.compile(rf"^'{_AT_START}|(?<=[;\t\r\n])'{_WITHIN}")


def write(path: epath.PathLike, table: pd.DataFrame) -> None:
    """Writes a table without its index, so that no spreadsheet runs its cells.

    Args:
      path: of the file; its folder must exist.
      table: with text cells and headings of any origin.
    """
    safe = table.apply(_marked_column).rename(columns=_marked)
    text = safe.to_csv(index=False, lineterminator="\n")
    if "\r" in text:  # which Python's csv quotes only if it ends lines
        text = safe.to_csv(index=False, lineterminator="\r\n")
    files.replace(path, text)


def read(path: epath.PathLike) -> pd.DataFrame:
    """Reads a table that `write` wrote, with original cells as str; blanks are "".

    Raises:
      ValueError: the file is no table, or no text.
    """
    with files.reading(path) as file:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    return table.map(_unmarked).rename(columns=_unmarked)


def _marked_column(column: pd.Series) -> pd.Series:
    return column if is_numeric_dtype(column) else column.map(_marked)


def _marked(cell: object) -> object:
    return _TO_MARK.sub("'", cell) if isinstance(cell, str) else cell


def _unmarked(cell: str) -> str:
    return _MARKED.sub("", cell)
