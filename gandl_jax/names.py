"""Equality of names and numbers in texts, however they were typed.

Imports nothing slow.
"""

import decimal
import math
import re
import unicodedata
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

SAME_FRAC = (
    1e-9  # numbers that differ by less, of the larger, differ by rounding (ours)
)

_LONGEST = 40  # characters of a number
_EXPONENT = r"(?:[eE][+-]?\d{1,3})?"
_NUMBER = re.compile(rf"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+){_EXPONENT}", re.ASCII)
_PADDED = re.compile(rf"[+-]?(?:\d+(?:\.\d*)?|\.\d+){_EXPONENT}", re.ASCII)
_LARGE = 10**9  # whole numbers from here on may differ by less than SAME_FRAC
# Soft hyphen, zero-width blanks and joiners, marks of writing direction, byte-order
# mark: invisible characters.
_UNSEEN = re.compile(
    "[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
_BLANK = re.compile(r"\s")  # tabs, no-break and thin spaces, line breaks


def clean(text: str) -> str:
    """Cleans a name.

    Returns:
      The text in Unicode's form NFC, without invisible characters and without blanks at
      its ends; blanks within are plain spaces.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    text = _BLANK.sub(" ", _UNSEEN.sub("", text))
    return unicodedata.normalize("NFC", text).strip()


def cleaned(column: pd.Series) -> pd.Series:
    """Cleans the texts of a column, [N] str; numbers are unchanged."""
    texts = [text for text in column.unique() if isinstance(text, str)]
    if _are_clean(texts):
        return column
    changed = {text: name for text in texts if (name := clean(text)) != text}
    return column.map(lambda text: changed.get(text, text)) if changed else column


def _are_clean(texts: Collection[str]) -> bool:
    """Whether all texts are surely clean; fast, as there may be millions."""
    joined = f"|{'|'.join(texts)}|"
    is_plain = joined.isascii() and joined.isprintable()
    return is_plain and "| " not in joined and " |" not in joined


def number(text: str, *, padded: bool = False) -> decimal.Decimal | None:
    """Parses a number; None if the text is no number.

    Args:
      text: 1, 1.0, +1, .5, 1e-3. Neither "1,5", "1_000" nor "nan".
      padded: whether 007 is a number; not among names: plate 007 is not plate 7.
    """
    form = _PADDED if padded else _NUMBER
    if len(text) > _LONGEST or not form.fullmatch(text):
        return None
    return decimal.Decimal(text)


def is_same_number(number: decimal.Decimal, other: decimal.Decimal) -> bool:
    """Whether two numbers differ by rounding at most; large whole ones are exact."""
    if number == other:
        return True
    if (
        min(abs(number), abs(other)) >= _LARGE
        and _is_whole(number)
        and _is_whole(other)
    ):
        return False
    return math.isclose(number, other, rel_tol=SAME_FRAC)


def _is_whole(value: decimal.Decimal) -> bool:
    return value == value.to_integral_value()


def numbers(
    known: Collection[str], *, padded: bool = False
) -> Mapping[str, decimal.Decimal]:
    """Parses the numbers of a column; {} if a text is no number.

    Args:
      known: the distinct texts of the column; "" is a blank and is left out.
      padded: as in `number`.
    """
    by_text = {text: number(text, padded=padded) for text in known if text}
    return {} if None in by_text.values() else by_text


def meant(name: str, known: Collection[str], *, padded: bool = False) -> set[str]:
    """Returns the texts of a column that a name refers to.

    Args:
      name: as typed.
      known: the distinct texts of the column, cleaned.
      padded: as in `number`.

    Returns:
      If all texts of the column and the name are numbers, the texts of the same number;
      else the name itself, if the column has it.
    """
    name = clean(name)
    value = number(name, padded=padded)
    if value is not None and (by_text := numbers(known, padded=padded)):
        return {
            text
            for text, text_value in by_text.items()
            if is_same_number(value, text_value)
        }
    return {name} & set(known)


def one_spelling(column: pd.Series) -> pd.Series:
    """Unifies the texts of a column's numbers: "1" for "1" and "1.0".

    Args:
      column: [N] str, cleaned; "" is a blank.

    Returns:
      [N] str: the column's shortest text for each number. A column with a text that is
      no number is unchanged.
    """
    value = numbers(column.unique())
    groups: list[list[str]] = []
    for text in sorted(value, key=lambda text: (value[text], len(text), text)):
        if groups and is_same_number(value[groups[-1][0]], value[text]):
            groups[-1].append(text)
        else:
            groups.append([text])
    short = {
        text: min(group, key=lambda text: (len(text), text))
        for group in groups
        for text in group
        if len(group) > 1
    }
    return column.map(lambda text: short.get(text, text)) if short else column


def one_dose(doses: np.ndarray) -> np.ndarray:
    """Unifies doses that differ by rounding only.

    Args:
      doses: [N] float64, from 0 up or NaN.

    Returns:
      [N] float64: doses within `SAME_FRAC` of the lowest of them become the one with
      the shortest text. All others are unchanged to the bit.
    """
    groups: list[list[float]] = []
    for dose in np.unique(doses[np.isfinite(doses)]).tolist():
        if groups and dose <= groups[-1][0] * (1 + SAME_FRAC):
            groups[-1].append(dose)
        else:
            groups.append([dose])
    result = doses.copy()
    for group in groups:
        if len(group) > 1:
            result[np.isin(doses, group)] = min(
                group, key=lambda dose: (len(repr(dose)), dose)
            )
    return result


def shortened(name: str, most: int) -> str:
    """A name of at most so many letters: of a longer one both ends, which tell apart.

    Args:
      name: any text.
      most: letters, 3 at least.
    """
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"
