"""Which records are likely to be the two controls, guessed by their names."""

import re
from typing import NamedTuple

import pandas as pd

LOOKED_IN = ("condition", "treatment", "mechanism", "cell_type")
UNTREATED = re.compile(
    r"dmso|untreated|vehicle|negative(_|\s|-)?control|neg(_|\s|-)?con(trol)?|"
    r"non(_|\s|-)?targeting|scramble[d]?|empty|ctrl|control|mock treated",
    re.IGNORECASE,
)
WANTED = re.compile(r"positive(_|\s|-)?control|pos(_|\s|-)?con(trol)?", re.IGNORECASE)
HEALTHY = re.compile(r"mock|healthy|uninfected|wild(_|\s|-)?type|wt", re.IGNORECASE)
ILL = re.compile(r"active|infected|virus|sars|disease|tumou?r|null", re.IGNORECASE)


class Controls(NamedTuple):
    """Filters as of config.screen; "" where nothing was found.

    Attributes:
      response_0: the untreated state.
      response_1: the state that is wanted.
    """

    response_0: str = ""
    response_1: str = ""


def guess(table: pd.DataFrame, columns: dict[str, str]) -> Controls:
    """The controls by what columns hold.

    Args:
      table: [N] rows, all str.
      columns: our columns to the table's.
    """
    found = Controls()
    for role in LOOKED_IN:
        if role not in columns:
            continue
        column = columns[role]
        values = sorted(v.strip() for v in table[column].unique() if v.strip())
        found = _merged(found, _of_column(column, values, columns))
    return found


def _of_column(column: str, values: list[str], columns: dict[str, str]) -> Controls:
    healthy = [v for v in values if HEALTHY.fullmatch(v)]
    ill = [v for v in values if ILL.search(v) and v not in healthy]
    if healthy and len(ill) >= 1:
        blank = f"; {columns['treatment']}=" if "treatment" in columns else ""
        whole = [v for v in ill if not re.search("inactiv", v, re.IGNORECASE)] or ill
        return Controls(
            f"{column}={'|'.join(whole)}{blank}", f"{column}={'|'.join(healthy)}"
        )
    untreated = [v for v in values if UNTREATED.fullmatch(v)]
    wanted = [v for v in values if WANTED.fullmatch(v)]
    return Controls(_filter(column, untreated), _filter(column, wanted))


def _filter(column: str, values: list[str]) -> str:
    return f"{column}={'|'.join(values)}" if values else ""


def _merged(one: Controls, other: Controls) -> Controls:
    both = zip(one, other, strict=True)
    return Controls(*(first or second for first, second in both))
