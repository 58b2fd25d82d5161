"""Groups that are followed in time, such as colonies or tracks, and who is alone."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.errors import InputError
from gandl_jax.profiles import groups

KEY = "config.evaluate.staged_classification"
UNNAMED = "for no group is followed (config.evaluate.staged_classification.group, time)"
NO_GROUP = "whose group is blank"
NO_TIME = "whose time is blank"
SAME_TIME = "for others have the same group and time"
ONCE = "whose group is seen once"


@dataclasses.dataclass(frozen=True)
class Followed:
    """What is followed, and which records are decided on by themselves.

    Attributes:
      group: [N] int, -1 of a record that is alone.
      time: [N] float64, NaN where it is blank.
      alone: reason to the number of records that are alone for it.
    """

    group: np.ndarray
    time: np.ndarray
    alone: dict[str, int]


def find(metadata: pd.DataFrame, options: Mapping[str, Any]) -> Followed:
    """Finds the groups of records, and their times.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: group, time and object, columns in small letters.

    Returns:
      Groups of two records or more, each of another time.

    Raises:
      InputError: there is no such column, or a time is no number.
      Skip: the screen lacks a usual column.
    """
    nothing = np.full(len(metadata), -1), np.full(len(metadata), np.nan)
    if not (options["group"] and options["time"]):
        return Followed(*nothing, {UNNAMED: len(metadata)})
    group, time = _column(metadata, options, "group"), _times(metadata, options)
    member, reason = group, np.full(len(metadata), "", object)
    if options["object"]:
        member = group + "\0" + _column(metadata, options, "object")
    codes = pd.factorize(member)[0]
    reason[np.isnan(time)] = NO_TIME
    reason[(group.str.strip() == "").to_numpy()] = NO_GROUP
    pairs = pd.DataFrame({"group": codes, "time": time})
    reason[pairs.duplicated(keep=False).to_numpy() & (reason == "")] = SAME_TIME
    kept = reason == ""
    sizes = np.bincount(codes[kept], minlength=codes.max() + 1)
    reason[kept & (sizes[codes] == 1)] = ONCE
    counts = pd.Series(reason[reason != ""]).value_counts(sort=False)
    alone = {why: int(count) for why, count in counts.items()}
    return Followed(np.where(reason == "", codes, -1), time, alone)


def _column(
    metadata: pd.DataFrame, options: Mapping[str, Any], option: str
) -> pd.Series:
    """A column as text, "" where it is blank."""
    name = groups.find_column(metadata, options[option], f"{KEY}.{option}")
    values = metadata[name]
    text = values.astype(str).where(~groups.is_blank(values), "")
    return text.reset_index(drop=True)


def _times(metadata: pd.DataFrame, options: Mapping[str, Any]) -> np.ndarray:
    """[N] float64, NaN where a time is blank."""
    text = _column(metadata, options, "time")
    times = pd.to_numeric(text.where(text != ""), errors="coerce").to_numpy(float)
    wrong = text[(text != "").to_numpy() & ~np.isfinite(times)]
    if len(wrong):
        raise InputError(
            f"{len(wrong):,} times ({KEY}.time={options['time']}) are no numbers, the "
            f"first {wrong.iloc[0]!r}: mend the table, or name another column"
        )
    return times
