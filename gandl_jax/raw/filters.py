"""Filters of a screen's table: which rows hold an allowed value in every column.

Imports nothing slow.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax import names
from gandl_jax.errors import InputError
from gandl_jax.raw import wells

Filter = Mapping[str, tuple[str, ...]]

SHOWN = 8  # an error names this many of the values that a column has


def matches(
    rule: Filter | None,
    metadata: pd.DataFrame,
    *,
    dose: str = "",
    well: str = "",
    wells_per_row: int = 0,
) -> np.ndarray:
    """The rows whose every named column holds an allowed value.

    In a column in which all texts are numbers, numbers are compared: 1 is 1.0.

    Args:
      rule: column to its allowed values, "" is blank; None is met by no row.
      metadata: [N] rows of str, cleaned.
      dose: the column that holds concentrations, in which 01 is 1 too.
      well: the column that holds wells, which are compared in any notation.
      wells_per_row: how many wells a row has, where they are numbers; else 0.

    Returns:
      [N] bool.
    """
    if rule is None:
        return np.zeros(len(metadata), bool)
    chosen = np.ones(len(metadata), bool)
    for column, allowed in rule.items():
        known = metadata[column].unique().tolist()
        wanted = set()
        for value in allowed:
            if column == well:
                wanted |= wells.meant(value, known, wells_per_row)
            else:
                wanted |= names.meant(value, known, padded=column == dose)
        chosen &= metadata[column].isin(wanted).to_numpy()
    return chosen


def check(key: str, rule: Filter, metadata: pd.DataFrame, **columns: Any) -> None:
    """Refuses a filter that no row meets.

    Args:
      key: of the config, for the message.
      rule: column to its allowed values.
      metadata: as for `matches`.
      **columns: dose, well and wells_per_row, as for `matches`.

    Raises:
      InputError: with the values that there are, the nearest first.
    """
    if matches(rule, metadata, **columns).any():
        return
    column, others = _at_fault(rule, metadata, columns)
    where = f" where {written(others)}" if others else ""
    rows = metadata[matches(others, metadata, **columns)]
    values = _nearest(rule[column], rows[column].unique())
    raise InputError(
        f"config.screen.{key}={written(rule)!r} matches no record: {column} is never "
        f"{' or '.join(map(_shown, rule[column]))}{where}, but {values}; correct the "
        f"filter or the table, or empty config.screen.{key} if the screen has none"
    )


def _at_fault(
    rule: Filter, metadata: pd.DataFrame, columns: Mapping[str, Any]
) -> tuple[str, Filter]:
    """The column at which no row is left, and the part of the rule that rows meet."""
    for column in rule:  # wrong by itself?
        if not matches({column: rule[column]}, metadata, **columns).any():
            return column, {}
    met: dict[str, tuple[str, ...]] = {}
    for column in rule:
        if not matches(met | {column: rule[column]}, metadata, **columns).any():
            return column, met
        met[column] = rule[column]
    raise AssertionError("the rule has rows")


def unmet(rule: Filter, metadata: pd.DataFrame, **columns: Any) -> Iterator[str]:
    """Says which of several allowed values no row of a filter holds."""
    for column, allowed in rule.items():
        for value in allowed if len(allowed) > 1 else ():
            alone = {**rule, column: (value,)}
            if not matches(alone, metadata, **columns).any():
                yield f"{column}={value}"


def written(rule: Filter) -> str:
    """A filter as the config writes it."""
    return "; ".join(f"{column}={'|'.join(rule[column])}" for column in rule)


def _nearest(wanted: Collection[str], known: Collection[str]) -> str:
    """The values of a column for a message, those like the wanted ones first."""
    order = sorted(known, key=lambda text: (-_likeness(text, wanted), text))
    shown = ", ".join(map(_shown, order[:SHOWN]))
    more = len(order) - SHOWN
    return shown + (f" and {more:,} more" if more > 0 else "")


def _shown(text: str) -> str:
    return repr(text) if text else "blank"


def _likeness(text: str, wanted: Collection[str]) -> float:
    """From 0 to 1, how near a text is to one of those wanted."""
    return max(_alike(text, other) for other in wanted)


def _alike(one: str, other: str) -> float:
    """From 0 to 1: the ratio of two numbers, or how much two texts have in common."""
    values = names.number(one, padded=True), names.number(other, padded=True)
    if None not in values:
        low, high = sorted(map(abs, map(float, values)))
        return low / high if high else 1.0
    return difflib.SequenceMatcher(None, one.casefold(), other.casefold()).ratio()
