"""Doubts about tables of features and of records, before anything is judged."""

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
    """Range and broken values of a set's columns, gathered part by part.

    Attributes:
      name: of the set, for messages.
      titles: of its columns; () uses their numbers.
      low: [D] float32, the lowest value of each column.
      high: [D] float32, the highest.
      broken: [D] int, number of records that are not finite.
      first: column to the name of its first such record.
    """

    name: str
    titles: Sequence[str] = ()
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    broken: np.ndarray | int = 0
    first: dict[int, str] = dataclasses.field(default_factory=dict)

    def add(self, part: FeatureSet) -> None:
        """Adds the records of a part."""
        finite = np.isfinite(part.features)
        self.broken = self.broken + (~finite).sum(0)
        for column in np.flatnonzero(~finite.all(0)):
            row = int(np.argmin(finite[:, column]))
            name = table.record_ids(part.metadata.iloc[[row]], table_name=self.name)[0]
            self.first.setdefault(int(column), name)
        low, high = part.features.min(0), part.features.max(0)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)

    def refuse_broken(self, advice: str = _MEND) -> None:
        """Raises InputError if a value is not finite, naming column and first record.

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
        """Returns a line on the columns that are the same in all records, or None."""
        largest = np.maximum(np.abs(self.low), np.abs(self.high))
        constant = np.flatnonzero(self.high - self.low <= _NARROW * largest)
        if not len(constant):
            return None
        shown = ", ".join(map(str, constant[:_SHOWN])) + ", ..." * (
            len(constant) > _SHOWN
        )
        return (
            f"feature set {self.name!r}: {len(constant)} of {len(self.low)} columns "
            f"are constant and tell nothing ({shown})"
        )


def _and_more(count: int, noun: str) -> str:
    return f" (and {count} more {noun}{'s' * (count > 1)})" if count else ""


def check_features(directory: epath.PathLike) -> list[str]:
    """Checks every value of an encoder's sets.

    Args:
      directory: profiles/<dataset>/<encoder>, complete.

    Returns:
      A line for each set with constant columns.

    Raises:
      InputError: a value is not finite.
    """
    directory, columns_of_set = epath.Path(directory), {}
    for part in store.parts(directory):
        for short_name, part_set in part.items():
            name = full_name(directory.name, short_name)
            columns_of_set.setdefault(name, Columns(name)).add(part_set)
    is_imported = "file" in store.made_from(directory)
    advice = _MEND if is_imported else f"delete {directory} and run --job=embed again"
    for columns in columns_of_set.values():
        columns.refuse_broken(advice)
    return [line for columns in columns_of_set.values() if (line := columns.constant())]


def doubts(metadata: pd.DataFrame) -> list[str]:
    """Lists what is odd in the table of records.

    Args:
      metadata: [N] rows of Metadata_* columns.

    Returns:
      Lines on plates without controls, treatments that look like one in two spellings,
      and wells that hold what one well cannot.
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
    names, without = np.unique(plates), np.setdiff1d(plates, plates[controls])
    if not len(without) or not controls.any():
        return None
    shown = ", ".join(without[:_SHOWN]) + ", ..." * (len(without) > _SHOWN)
    return (
        f"{len(without)} of {len(names)} plates have no control wells and are "
        f"normalised as the other plates are on average ({shown})"
    )


def _two_spellings(metadata: pd.DataFrame) -> str | None:
    if "Metadata_Treatment" not in metadata:
        return None
    names = pd.Series(metadata["Metadata_Treatment"].astype(str).unique())
    alike = names.str.casefold().str.replace(r"[\s_-]+", "", regex=True)
    groups = [
        list(group) for key, group in names.groupby(alike) if key and len(group) > 1
    ]
    if not groups:
        return None
    shown = "; ".join(
        " and ".join(map(repr, sorted(group))) for group in groups[:_SHOWN]
    )
    seem = "treatment seems" if len(groups) == 1 else "treatments seem"
    return (
        f"{len(groups)} {seem} to be written in two ways and are judged "
        f"apart: {shown}{'; ...' * (len(groups) > _SHOWN)}"
    )
