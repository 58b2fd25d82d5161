"""What to doubt in tables of features and of records, before anything is judged."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax.errors import InputError
from gandl_jax.profiles import store, table
from gandl_jax.profiles.feature_set import FeatureSet, full_name

_NARROW = 1e-6  # of the largest value: a column's range that is float32's rounding
_MEND = "mend the table and make the set again"
_SHOWN = 5  # of the columns or names that a line gives


@dataclasses.dataclass
class Columns:
    """What was seen of a set's columns, records coming in parts.

    Attributes:
      name: of the set, for messages.
      titles: of its columns; () are their numbers.
      low: [D] float32, the lowest value of each column.
      high: [D] float32, the highest.
      broken: [D] int, how many records are not finite.
      first: column to its first such record, by name.
    """

    name: str
    titles: Sequence[str] = ()
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    broken: np.ndarray | int = 0
    first: dict[int, str] = dataclasses.field(default_factory=dict)

    def add(self, part: FeatureSet) -> None:
        """Looks at some more records."""
        finite = np.isfinite(part.features)
        self.broken = self.broken + (~finite).sum(0)
        for column in np.flatnonzero(~finite.all(0)):
            row = int(np.argmin(finite[:, column]))
            name = table.record_ids(part.metadata.iloc[[row]], of=self.name)[0]
            self.first.setdefault(int(column), name)
        low, high = part.features.min(0), part.features.max(0)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)

    def refuse_broken(self, advice: str = _MEND) -> None:
        """Raises InputError where a value is not finite: column, records, the first.

        Args:
          advice: what to do about it.
        """
        wrong = np.flatnonzero(self.broken)
        if len(wrong):
            column = int(wrong[0])
            title = repr(self.titles[column]) if self.titles else column
            raise InputError(
                f"feature set {self.name!r}: column {title} is not finite in "
                f"{self.broken[column]} records, the first {self.first[column]!r}"
                f"{_and_more(len(wrong) - 1, 'column')}: {advice}"
            )

    def constant(self) -> str | None:
        """A line that names the columns that are the same in all records."""
        largest = np.maximum(np.abs(self.low), np.abs(self.high))
        same = np.flatnonzero(self.high - self.low <= _NARROW * largest)
        if not len(same):
            return None
        shown = ", ".join(map(str, same[:_SHOWN])) + ", ..." * (len(same) > _SHOWN)
        return (
            f"feature set {self.name!r}: {len(same)} of {len(self.low)} columns are "
            f"constant and tell nothing ({shown})"
        )


def _and_more(count: int, what: str) -> str:
    return f" (and {count} more {what}{'s' * (count > 1)})" if count else ""


def check_features(directory: epath.PathLike) -> list[str]:
    """Looks at every value of an encoder's sets.

    Args:
      directory: profiles/<dataset>/<encoder>, complete.

    Returns:
      A line per set with constant columns.

    Raises:
      InputError: a value is not finite.
    """
    directory, seen = epath.Path(directory), {}
    for part in store.parts(directory):
        for short_name, one in part.items():
            name = full_name(directory.name, short_name)
            seen.setdefault(name, Columns(name)).add(one)
    theirs = "file" in store.made_from(directory)  # a table that was imported
    advice = _MEND if theirs else f"delete {directory} and run --job=embed again"
    for columns in seen.values():
        columns.refuse_broken(advice)
    return [line for columns in seen.values() if (line := columns.constant())]


def doubts(metadata: pd.DataFrame) -> list[str]:
    """Lines on what is odd in the table of records.

    Args:
      metadata: [N] rows of Metadata_* columns.

    Returns:
      Plates without controls, treatments that look like one in two spellings, and wells
      that hold what one well cannot.
    """
    lines = (
        _plates_without_controls(metadata),
        _two_spellings(metadata),
        table.mixed_wells(metadata),
    )
    return [line for line in lines if line]


def _plates_without_controls(metadata: pd.DataFrame) -> str | None:
    if "Metadata_Plate" not in metadata:
        return None
    plates, controls = table.plates(metadata), table.control_classes(metadata) >= 0
    every, without = np.unique(plates), np.setdiff1d(plates, plates[controls])
    if not len(without) or not controls.any():
        return None
    shown = ", ".join(without[:_SHOWN]) + ", ..." * (len(without) > _SHOWN)
    return (
        f"{len(without)} of {len(every)} plates have no control wells and are "
        f"normalised as the other plates are on average ({shown})"
    )


def _two_spellings(metadata: pd.DataFrame) -> str | None:
    if "Metadata_Treatment" not in metadata:
        return None
    names = pd.Series(metadata["Metadata_Treatment"].astype(str).unique())
    alike = names.str.casefold().str.replace(r"[\s_-]+", "", regex=True)
    groups = [list(g) for key, g in names.groupby(alike) if key and len(g) > 1]
    if not groups:
        return None
    shown = "; ".join(" and ".join(map(repr, sorted(g))) for g in groups[:_SHOWN])
    seem = "treatment seems" if len(groups) == 1 else "treatments seem"
    return (
        f"{len(groups)} {seem} to be written in two ways and are judged "
        f"apart: {shown}{'; ...' * (len(groups) > _SHOWN)}"
    )
