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

SHOWN = 8  # values of a column that an error names


def matches(
    rule: Filter | None,
    metadata: pd.DataFrame,
    *,
    dose: str = "",
    well: str = "",
    wells_per_row: int = 0,
) -> np.ndarray:
    """Finds the rows whose every named column holds an allowed value.

    In a column whose texts are all numbers, numbers are compared: 1 is 1.0.

    Args:
      rule: column to its allowed values, "" is blank; None matches no row.
      metadata: [N] rows of str, cleaned.
      dose: the column of concentrations, in which 01 is 1 too.
      well: the column of wells, which are compared in any notation.
      wells_per_row: wells in a row, if wells are numbers; else 0.

    Returns:
      [N] bool.
    """
    if rule is None:
        return np.zeros(len(metadata), bool)
    chosen = np.ones(len(metadata), bool)
    for column, allowed in rule.items():
        texts = metadata[column].unique().tolist()
        matching = set()
        for value in allowed:
            if column == well:
                matching |= wells.texts_of_well(value, texts, wells_per_row)
            else:
                matching |= names.meant(value, texts, padded=column == dose)
        chosen &= metadata[column].isin(matching).to_numpy()
    return chosen


def check(key: str, rule: Filter, metadata: pd.DataFrame, **columns: Any) -> None:
    """Refuses a filter that matches no row.

    Args:
      key: of the config, for the message.
      rule: column to its allowed values.
      metadata: as for `matches`.
      **columns: dose, well and wells_per_row, as for `matches`.

    Raises:
      InputError: names the values of the column, the nearest first.
    """
    if matches(rule, metadata, **columns).any():
        return
    column, matching_part = _at_fault(rule, metadata, columns)
    where = f" where {as_text(matching_part)}" if matching_part else ""
    rows = metadata[matches(matching_part, metadata, **columns)]
    values = _nearest(rule[column], rows[column].unique())
    raise InputError(
        f"config.screen.{key}={as_text(rule)!r} matches no record: {column} is never "
        f"{' or '.join(map(_shown, rule[column]))}{where}, but {values}; correct the "
        f"filter or the table, or empty config.screen.{key} if the screen has none"
    )


def _at_fault(
    rule: Filter, metadata: pd.DataFrame, columns: Mapping[str, Any]
) -> tuple[str, Filter]:
    """Returns the column that leaves no row, and the part of the rule before it."""
    for column in rule:  # does it match no row alone?
        if not matches({column: rule[column]}, metadata, **columns).any():
            return column, {}
    met: dict[str, tuple[str, ...]] = {}
    for column in rule:
        if not matches(met | {column: rule[column]}, metadata, **columns).any():
            return column, met
        met[column] = rule[column]
    raise AssertionError("the rule has rows")


def unmet(rule: Filter, metadata: pd.DataFrame, **columns: Any) -> Iterator[str]:
    """Yields the values of a filter that match no row, of several allowed ones."""
    for column, allowed in rule.items():
        for value in allowed if len(allowed) > 1 else ():
            alone = {**rule, column: (value,)}
            if not matches(alone, metadata, **columns).any():
                yield f"{column}={value}"


def as_text(rule: Filter) -> str:
    """Writes a filter as the config does."""
    return "; ".join(f"{column}={'|'.join(rule[column])}" for column in rule)


def _nearest(wanted: Collection[str], known: Collection[str]) -> str:
    """Lists the values of a column for a message, those like the wanted ones first."""
    order = sorted(known, key=lambda text: (-_likeness(text, wanted), text))
    shown = ", ".join(map(_shown, order[:SHOWN]))
    left_out = len(order) - SHOWN
    return shown + (f" and {left_out:,} more" if left_out > 0 else "")


def _shown(text: str) -> str:
    return repr(text) if text else "blank"


def _likeness(text: str, wanted: Collection[str]) -> float:
    """Returns in [0, 1] how near a text is to the nearest wanted one."""
    return max(_alike(text, wanted_text) for wanted_text in wanted)


def _alike(first: str, second: str) -> float:
    """Returns in [0, 1] the ratio of two numbers, or the likeness of two texts."""
    values = names.number(first, padded=True), names.number(second, padded=True)
    if None not in values:
        low, high = sorted(map(abs, map(float, values)))
        return low / high if high else 1.0
    return difflib.SequenceMatcher(None, first.casefold(), second.casefold()).ratio()
