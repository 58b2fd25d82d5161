"""Controls of a screen, guessed by names in its columns."""

import re
from typing import NamedTuple

import pandas as pd

ROLES = ("condition", "treatment", "mechanism", "cell_type")
UNTREATED = re.compile(
    r"dmso|untreated|vehicle|negative(_|\s|-)?control|neg(_|\s|-)?con(trol)?|"
    r"non(_|\s|-)?targeting|scramble[d]?|empty|ctrl|control|mock treated",
    re.IGNORECASE,
)
WANTED = re.compile(r"positive(_|\s|-)?control|pos(_|\s|-)?con(trol)?", re.IGNORECASE)
HEALTHY = re.compile(r"mock|healthy|uninfected|wild(_|\s|-)?type|wt", re.IGNORECASE)
ILL = re.compile(r"active|infected|virus|sars|disease|tumou?r|null", re.IGNORECASE)


class Controls(NamedTuple):
    """Filters as of config.screen; "" without a guess.

    Attributes:
      response_0: filter of the untreated state.
      response_1: filter of the wanted state.
    """

    response_0: str = ""
    response_1: str = ""


def guess(table: pd.DataFrame, columns: dict[str, str]) -> Controls:
    """Guesses the controls by the values of columns.

    Args:
      table: [N] rows, all str.
      columns: our columns to the table's.
    """
    guessed = Controls()
    for role in ROLES:
        if role not in columns:
            continue
        column = columns[role]
        values = sorted(
            value.strip() for value in table[column].unique() if value.strip()
        )
        guessed = _merged(guessed, _of_column(column, values, columns))
    return guessed


def _of_column(column: str, values: list[str], columns: dict[str, str]) -> Controls:
    healthy = [value for value in values if HEALTHY.fullmatch(value)]
    ill = [value for value in values if ILL.search(value) and value not in healthy]
    if healthy and len(ill) >= 1:
        blank = f"; {columns['treatment']}=" if "treatment" in columns else ""
        active = [
            value for value in ill if not re.search("inactiv", value, re.IGNORECASE)
        ] or ill
        return Controls(
            f"{column}={'|'.join(active)}{blank}", f"{column}={'|'.join(healthy)}"
        )
    untreated = [value for value in values if UNTREATED.fullmatch(value)]
    wanted = [value for value in values if WANTED.fullmatch(value)]
    return Controls(_filter(column, untreated), _filter(column, wanted))


def _filter(column: str, values: list[str]) -> str:
    return f"{column}={'|'.join(values)}" if values else ""


def _merged(guessed: Controls, more: Controls) -> Controls:
    pairs = zip(guessed, more, strict=True)
    return Controls(*(first or second for first, second in pairs))
