"""Well names in other notations made canonical: "A01", "AA02"."""

import re
from collections.abc import Collection

import pandas as pd

from gandl_jax.errors import InputError

ROWS, COLUMNS = 48, 72  # of the largest plate there is, with 3,456 wells

_LETTERS = re.compile(
    r"([A-Z]{1,2})(?: - |[ _.-])?0*(\d{1,2})"
)  # A1, a01, A - 01, AA02
_NUMBERS = re.compile(  # R02C03, Row 2 Col 3
    r"R(?:OW)?[ _.-]?0*(\d{1,2})[ _.,-]*C(?:OL(?:UMN)?)?[ _.-]?0*(\d{1,2})"
)
_HARMONY = re.compile(r"0(\d\d)0(\d\d)")  # 002003 is row 2, column 3
_COUNTED = re.compile(r"W?0*(\d{1,4})")  # 13, W00013: along the rows
_PREFIX = re.compile(r"WELL[ :_.-]*")


def texts(wells_per_row: int = 0) -> str:
    """Returns the regular expression of texts that may name a well.

    Args:
      wells_per_row: as in `canonical`.
    """
    if wells_per_row:
        return r"[Ww]?\d+"
    return r"[A-Za-z]{1,2}(?: - |[ _.-])?\d{1,3}|[Rr]\d+[Cc]\d+|0\d\d0\d\d"


def canonical(names: pd.Series, column: str, wells_per_row: int = 0) -> pd.Series:
    """Converts well names to the form of all screens: capitals, two-digit columns.

    Args:
      names: [N] str, as the source writes them.
      column: of the source, for the message.
      wells_per_row: wells in a row, if names may be numbers that count wells along the
        rows, from 1; 0 refuses numbers.

    Returns:
      [N] str: "A01", "AA02" (the 27th row of a 1536-well plate).

    Raises:
      InputError: names that are blank, off any plate, or could mean more than one well.
    """
    by_name = {name: _canonical(name, wells_per_row) for name in names.unique()}
    unreadable = [name for name, well in by_name.items() if well is None]
    if unreadable:
        raise InputError(
            f"{len(unreadable)} well names (column {column}) cannot be read without "
            f"guessing, the first {unreadable[0]!r}; write them as A01, A1, R01C01 or "
            "001001 (row, column); for numbers along the rows set "
            "config.screen.wells_per_row"
        )
    return names.map(by_name)


def read_name(name: str, wells_per_row: int = 0) -> str | None:
    """Reads the well that a text names, as "A01"; returns None if it names none.

    Args:
      name: as the source writes it.
      wells_per_row: as in `canonical`.
    """
    return _canonical(name, wells_per_row)


def texts_of_well(
    name: str, known: Collection[str], wells_per_row: int = 0
) -> set[str]:
    """Returns the texts of a column that name the same well, in any notation.

    Args:
      name: of the well.
      known: texts of the column.
      wells_per_row: as in `canonical`.
    """
    well = _canonical(name, wells_per_row)
    return {
        text
        for text in known
        if text == name or well and _canonical(text, wells_per_row) == well
    }


def _canonical(name: str, wells_per_row: int) -> str | None:
    text = _PREFIX.sub("", name.strip().upper(), count=1)
    if wells_per_row and (match := _COUNTED.fullmatch(text)):
        row, column = divmod(int(match[1]) - 1, wells_per_row)
        return _well(row + 1, column + 1)
    if match := _LETTERS.fullmatch(text):
        row = _row_number(match[1])
    elif match := _NUMBERS.fullmatch(text) or _HARMONY.fullmatch(text):
        row = int(match[1])
    else:
        return None
    return _well(row, int(match[2]))


def _well(row: int, column: int) -> str | None:
    if not (1 <= row <= ROWS and 1 <= column <= COLUMNS):
        return None
    return f"{_row_letters(row)}{column:02}"


def _row_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def _row_letters(number: int) -> str:
    first, second = divmod(number - 1, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + second)
