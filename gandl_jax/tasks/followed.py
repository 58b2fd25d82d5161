"""Groups that are followed in time, such as colonies or tracks."""

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
    """Groups of records in time, and records that are decided on alone.

    Attributes:
      group: [N] int, -1 for a record that is alone.
      time: [N] float64, NaN if blank.
      alone: reason -> number of records that are alone for it.
    """

    group: np.ndarray
    time: np.ndarray
    alone: dict[str, int]


def find(metadata: pd.DataFrame, options: Mapping[str, Any]) -> Followed:
    """Finds the groups of records, and their times.

    Args:
      metadata: [N] rows of Metadata_* columns.
      options: group, time and object, columns in lower case.

    Returns:
      Groups of two records or more, all at different times.

    Raises:
      InputError: there is no such column, or a time is no number.
      Skip: the screen lacks a usual column.
    """
    unfollowed = np.full(len(metadata), -1), np.full(len(metadata), np.nan)
    if not (options["group"] and options["time"]):
        return Followed(*unfollowed, {UNNAMED: len(metadata)})
    group, time = _column(metadata, options, "group"), _times(metadata, options)
    member, reason = group, np.full(len(metadata), "", object)
    if options["object"]:
        member = group + "\0" + _column(metadata, options, "object")
    codes = pd.factorize(member)[0]
    reason[np.isnan(time)] = NO_TIME
    reason[(group.str.strip() == "").to_numpy()] = NO_GROUP
    pairs = pd.DataFrame({"group": codes, "time": time})
    reason[pairs.duplicated(keep=False).to_numpy() & (reason == "")] = SAME_TIME
    is_followed = reason == ""
    sizes = np.bincount(codes[is_followed], minlength=codes.max() + 1)
    reason[is_followed & (sizes[codes] == 1)] = ONCE
    counts = pd.Series(reason[reason != ""]).value_counts(sort=False)
    alone = {cause: int(count) for cause, count in counts.items()}
    return Followed(np.where(reason == "", codes, -1), time, alone)


def _column(
    metadata: pd.DataFrame, options: Mapping[str, Any], option: str
) -> pd.Series:
    """Returns a column as text, "" if blank."""
    name = groups.find_column(metadata, options[option], f"{KEY}.{option}")
    values = metadata[name]
    text = values.astype(str).where(~groups.is_blank(values), "")
    return text.reset_index(drop=True)


def _times(metadata: pd.DataFrame, options: Mapping[str, Any]) -> np.ndarray:
    """Returns [N] float64, NaN if a time is blank."""
    text = _column(metadata, options, "time")
    times = pd.to_numeric(text.where(text != ""), errors="coerce").to_numpy(float)
    wrong = text[(text != "").to_numpy() & ~np.isfinite(times)]
    if len(wrong):
        raise InputError(
            f"{len(wrong):,} times ({KEY}.time={options['time']}) are no numbers, the "
            f"first {wrong.iloc[0]!r}: mend the table, or name another column"
        )
    return times
