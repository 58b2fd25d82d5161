"""Feature sets as data frames: the metadata of each record, and its features."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from gandl_jax.errors import InputError
from gandl_jax.profiles import seen as seen_words
from gandl_jax.profiles import table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen

_FEATURE = re.compile(r"(?!Metadata_)(.+)__(\d+)")


def columns(name: str, width: int) -> list[str]:
    """Names a set's columns: "b8__0", "b8__1" ..."""
    return [f"{name}__{i}" for i in range(width)]


def to_frame(feature_set: FeatureSet) -> pd.DataFrame:
    """Makes one table of a set, a row per record.

    Returns:
      [N] rows: its `Metadata_*` columns, "seen_images" and "seen_labels" (what its
      encoder saw of each record, `Seen.in_words`), and `<set>__<i>` float32.
    """
    features = pd.DataFrame(
        np.asarray(feature_set.features, np.float32),
        columns=columns(feature_set.short_name, feature_set.features.shape[1]),
    )
    described = feature_set.metadata.reset_index(drop=True).assign(
        **feature_set.seen.in_words()
    )
    return pd.concat([described, features], axis=1)


def from_frame(frame: pd.DataFrame, name: str = "") -> dict[str, FeatureSet]:
    """Reads the sets in a table of `to_frame`; columns of what was seen may lack.

    Args:
      frame: [N] rows.
      name: full name of the only set in it, "gan@9/b8"; "" keeps the names in the
        columns, for any number of sets.

    Returns:
      Full name to set.

    Raises:
      InputError: there is no set, several under one name, or one that lacks a column
        or holds no numbers.
    """
    columns_by_set: dict[str, dict[int, str]] = {}
    for column in map(str, frame.columns):
        if match := _FEATURE.fullmatch(column):
            columns_by_set.setdefault(match[1], {})[int(match[2])] = column
    if not columns_by_set or (name and len(columns_by_set) > 1):
        raise InputError(
            f"the table {name!r} has features of "
            f"{', '.join(columns_by_set) or 'no set'}: give columns of one "
            "set, such as b8__0, b8__1"
        )
    metadata = frame[
        [column for column in frame if str(column).startswith("Metadata_")]
    ]
    metadata, seen = metadata.reset_index(drop=True), _seen(frame)
    return {
        name or short_name: FeatureSet(
            name or short_name,
            metadata,
            _features(frame, short_name, columns_by_index),
            seen,
        )
        for short_name, columns_by_index in columns_by_set.items()
    }


def from_frames(
    profiles: pd.DataFrame | Mapping[str, pd.DataFrame],
) -> dict[str, FeatureSet]:
    """Reads the sets of one table, or of several named tables.

    Args:
      profiles: a table, or full name of a set to its table.

    Raises:
      InputError: as `from_frame`, or the tables are not of the same records.
    """
    if isinstance(profiles, pd.DataFrame):
        return from_frame(profiles)
    sets: dict[str, FeatureSet] = {}
    for name, frame in profiles.items():
        sets |= from_frame(frame, name)
    if not sets:
        raise InputError(
            "there are no tables of profiles: give one, or several by name"
        )
    _check_same(sets)
    return sets


def _check_same(sets: Mapping[str, FeatureSet]) -> None:
    """Refuses sets that are not of the same records in the same order (InputError)."""
    if len(sets) < 2:
        return
    (first, first_set), *others = sets.items()
    ids = table.record_ids(first_set.metadata, table_name=first)
    for name, other_set in others:
        if not np.array_equal(
            ids, table.record_ids(other_set.metadata, table_name=name)
        ):
            raise InputError(
                f"the tables {first!r} and {name!r} are not of the same records in the "
                "same order: sort both by Metadata_Record_ID, and keep what both have"
            )


def _features(frame: pd.DataFrame, name: str, columns: Mapping[int, str]) -> np.ndarray:
    """[N, D] float32."""
    if max(columns) != len(columns) - 1:
        raise InputError(f"the table lacks columns of the set {name!r}: read it again")
    try:
        chosen = frame[[columns[i] for i in range(len(columns))]]
        return chosen.to_numpy(np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the columns of the set {name!r} hold what is no number: {error}"
        ) from error


def _seen(frame: pd.DataFrame) -> Seen | None:
    if not set(seen_words.COLUMNS) <= set(frame):
        return None
    return Seen.from_words(*(frame[name].tolist() for name in seen_words.COLUMNS))
