"""Feature sets as data frames: what is known of each record, and its features."""

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
    """The names of a set's columns: "b8__0", "b8__1" ..."""
    return [f"{name}__{i}" for i in range(width)]


def to_frame(one: FeatureSet) -> pd.DataFrame:
    """A set as one table, a row per record.

    Returns:
      [N] rows: its `Metadata_*` columns, "seen_images" and "seen_labels" (what its
      encoder saw of each record, `Seen.in_words`), and `<set>__<i>` float32.
    """
    features = pd.DataFrame(
        np.asarray(one.features, np.float32),
        columns=columns(one.short_name, one.features.shape[1]),
    )
    known = one.metadata.reset_index(drop=True).assign(**one.seen.in_words())
    return pd.concat([known, features], axis=1)


def from_frame(frame: pd.DataFrame, name: str = "") -> dict[str, FeatureSet]:
    """The sets in a table, as of `to_frame`; what was seen may lack.

    Args:
      frame: [N] rows.
      name: full name of the one set that is in it, "gan@9/b8"; "" keeps the names in
        the columns, of however many sets.

    Returns:
      Full name to set.

    Raises:
      InputError: there is no set, several under one name, or one that lacks a column
        or holds no numbers.
    """
    found: dict[str, dict[int, str]] = {}
    for column in map(str, frame.columns):
        if match := _FEATURE.fullmatch(column):
            found.setdefault(match[1], {})[int(match[2])] = column
    if not found or (name and len(found) > 1):
        raise InputError(
            f"the table {name!r} has features of {', '.join(found) or 'no set'}: give "
            "columns of one set, such as b8__0, b8__1"
        )
    metadata = frame[[c for c in frame if str(c).startswith("Metadata_")]]
    metadata, seen = metadata.reset_index(drop=True), _seen(frame)
    return {
        name or own: FeatureSet(
            name or own, metadata, _features(frame, own, places), seen
        )
        for own, places in found.items()
    }


def from_frames(
    profiles: pd.DataFrame | Mapping[str, pd.DataFrame],
) -> dict[str, FeatureSet]:
    """The sets of one table, or of several that have names.

    Args:
      profiles: a table, or full name of a set to its table.

    Raises:
      InputError: as `from_frame`, or the tables are not of the same records.
    """
    if isinstance(profiles, pd.DataFrame):
        return from_frame(profiles)
    made: dict[str, FeatureSet] = {}
    for name, frame in profiles.items():
        made |= from_frame(frame, name)
    if not made:
        raise InputError(
            "there are no tables of profiles: give one, or several by name"
        )
    _check_same(made)
    return made


def _check_same(sets: Mapping[str, FeatureSet]) -> None:
    """Raises InputError where sets are not of the same records in the same order."""
    if len(sets) < 2:
        return
    (first, one), *others = sets.items()
    ids = table.record_ids(one.metadata, of=first)
    for name, other in others:
        if not np.array_equal(ids, table.record_ids(other.metadata, of=name)):
            raise InputError(
                f"the tables {first!r} and {name!r} are not of the same records in the "
                "same order: sort both by Metadata_Record_ID, and keep what both have"
            )


def _features(frame: pd.DataFrame, name: str, places: Mapping[int, str]) -> np.ndarray:
    """[N, D] float32."""
    if max(places) != len(places) - 1:
        raise InputError(f"the table lacks columns of the set {name!r}: read it again")
    try:
        chosen = frame[[places[i] for i in range(len(places))]]
        return chosen.to_numpy(np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the columns of the set {name!r} hold what is no number: {error}"
        ) from error


def _seen(frame: pd.DataFrame) -> Seen | None:
    if not set(seen_words.COLUMNS) <= set(frame):
        return None
    return Seen.from_words(*(frame[name].tolist() for name in seen_words.COLUMNS))
