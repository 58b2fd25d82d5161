"""Fills undefined measurements, and leaves out those that never differ.

A value that is not finite becomes the median of its column's finite values. A column
without finite values, or the same in all records, is left out.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from gandl_jax.errors import InputError

NARROW = 1e-6  # of the largest value: a column's range that is float32's rounding
_SHOWN = 3  # examples that a line gives
UNDEFINED, SAME = "undefined in every record", "the same in every record"


@dataclasses.dataclass(frozen=True)
class Rule:
    """Rule by which a screen's measurements become features.

    Attributes:
      names: [D] of the measurements.
      medians: [D] float32 over the records that have a finite value; NaN without any.
      undefined: [D] int, number of records without a finite value.
      kept: [D] bool.
    """

    names: Sequence[str]
    medians: np.ndarray
    undefined: np.ndarray
    kept: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Fills values and leaves out columns.

        Args:
          values: [n, D] float32 as measured.

        Returns:
          [n, d] float32, all finite.
        """
        return np.where(np.isfinite(values), values, self.medians)[:, self.kept]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Returns plain rows: the columns, and those that were left out and why."""
        kept = np.flatnonzero(self.kept).tolist()
        columns = [
            {
                "column": index,
                "measurement": self.names[column],
                "filled": self._filled(column),
            }
            for index, column in enumerate(kept)
        ]
        left_out = [
            {"measurement": self.names[column], "why": self._why(column)}
            for column in np.flatnonzero(~self.kept).tolist()
        ]
        return {"columns": columns, "left out": left_out}

    def sentences(self) -> list[str]:
        """Describes what was done, for a terminal."""
        tables = self.tables()
        lines = [f"{len(tables['columns'])} columns"]
        for reason in (SAME, UNDEFINED):
            rows = [row for row in tables["left out"] if row["why"] == reason]
            if rows:
                lines.append(f"{len(rows)} left out, {reason} ({_some(rows)})")
        if filled := [row for row in tables["columns"] if row["filled"]]:
            most = max(row["filled"] for row in filled)
            lines.append(
                f"{len(filled)} undefined in up to {most} records and filled with the "
                f"median of the others ({_some(filled)})"
            )
        return lines

    def _filled(self, column: int) -> int:
        return int(self.undefined[column])

    def _why(self, column: int) -> str:
        return SAME if np.isfinite(self.medians[column]) else UNDEFINED


def rule(names: Sequence[str], values: np.ndarray) -> Rule:
    """Makes the rule of a screen.

    Args:
      names: [D] of the measurements.
      values: [N, D] float32 of all its records.

    Raises:
      InputError: no column differs between records.
    """
    medians = np.full(len(names), np.nan, np.float32)
    undefined = np.full(len(names), len(values))
    kept = np.zeros(len(names), bool)
    for column in range(len(names)):  # one at a time, as there may be many records
        known = values[np.isfinite(values[:, column]), column].astype(np.float64)
        undefined[column] -= len(known)
        if len(known):
            medians[column] = np.median(known)
            kept[column] = np.ptp(known) > NARROW * np.abs(known).max()
    if not kept.any():
        raise InputError(
            "no classical measurement differs between the records: leave them out with "
            "--config.evaluate.classical=off"
        )
    return Rule(tuple(names), medians, undefined, kept)


def _some(rows: Sequence[dict[str, Any]]) -> str:
    names = [row["measurement"] for row in rows[:_SHOWN]]
    return ", ".join(names) + ", ..." * (len(rows) > _SHOWN)
