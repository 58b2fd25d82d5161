"""Sorts an imported table's columns into features, metadata and others."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles import bookkeeping, store
from gandl_jax.profiles.foreign import ForeignTable

_LEFT_OUT, _KEPT = "left_out_columns", "kept_columns"  # keys of a set's note


@dataclasses.dataclass(frozen=True)
class Columns:
    """Use of the table's columns.

    Attributes:
      features: names, in the table's order.
      metadata: number of columns that are metadata: of the screen's table, or
        Metadata_*.
      left_out: columns that measure nothing, and why.
      kept: features that the config names explicitly.
    """

    features: list[str]
    metadata: int
    left_out: dict[str, str]
    kept: list[str]

    def without(
        self, counters: Mapping[str, str], foreign_table: ForeignTable
    ) -> "Columns":
        """Returns the same without some features, unless the config names them."""
        removed = {
            name: reason for name, reason in counters.items() if name not in self.kept
        }
        features = [name for name in self.features if name not in removed]
        _refuse_none(foreign_table, features)
        left_out = self.left_out | removed
        return dataclasses.replace(self, features=features, left_out=left_out)

    def note(self) -> dict[str, Any]:
        """Returns the entries of the set's note."""
        kept = {_KEPT: self.kept} if self.kept else {}
        return {_LEFT_OUT: self.left_out} | kept


def choose(
    foreign_table: ForeignTable,
    key: Sequence[str],
    lookup: Collection[str],
    imported: Any,
) -> Columns:
    """Tells features from other columns by their names and by the config.

    Args:
      foreign_table: the table.
      key: its key columns.
      lookup: columns of the screen's own table.
      imported: `config.imported`.

    Raises:
      InputError: no feature is left, or the config names a column twice or none.
    """
    kept = _named(foreign_table, imported.features, "features")
    dropped = _named(foreign_table, imported.not_features, "not_features")
    _refuse_twice(kept, dropped, key)
    others = [name for name in foreign_table.columns if name not in key]
    metadata = {
        name for name in others if name in lookup or name.startswith("Metadata_")
    }
    metadata -= {*kept, *dropped}
    left_out = dict.fromkeys(bookkeeping.by_name(others), "by its name")
    left_out |= dict.fromkeys(dropped, "config.imported.not_features")
    left_out = {
        name: reason
        for name, reason in left_out.items()
        if name not in {*metadata, *kept}
    }
    features = [
        name for name in others if name not in left_out and name not in metadata
    ]
    _refuse_none(foreign_table, features)
    return Columns(features, len(metadata), left_out, kept)


def _refuse_twice(
    kept: Sequence[str], dropped: Sequence[str], key: Sequence[str]
) -> None:
    for name in kept:
        if name in dropped:
            raise InputError(
                f"the column {name!r} is named by config.imported.features and by "
                "config.imported.not_features: leave it out of one"
            )
    for name in key:
        if name in (*kept, *dropped):
            raise InputError(
                f"the column {name!r} is the table's key: leave it out of "
                "config.imported.features and config.imported.not_features, or name "
                "another config.imported.key"
            )


def _named(
    foreign_table: ForeignTable, beginnings: Sequence[str], option: str
) -> list[str]:
    """Returns the columns that the config names, in full or by their beginning."""
    named = []
    for beginning in beginnings:
        matches = [beginning] if beginning in foreign_table.columns else []
        matches = matches or [
            name
            for name in foreign_table.columns
            if beginning and name.startswith(beginning)
        ]
        if not matches:
            raise InputError(
                f"config.imported.{option} names {beginning!r}, and no column of "
                f"{foreign_table.path} is called so or begins so; "
                f"{nearest(beginning, first(foreign_table.columns))}"
            )
        named += matches
    return list(dict.fromkeys(named))


def _refuse_none(foreign_table: ForeignTable, features: Sequence[str]) -> None:
    if not features:
        raise InputError(
            f"{foreign_table.path} has no feature columns: besides the key, metadata "
            "and what counts or places the rows there is nothing in "
            f"{', '.join(first(foreign_table.columns))}; config.imported.features "
            "names columns that are features all the same"
        )


def tell(foreign_table: ForeignTable, chosen: Columns) -> None:
    """Prints what becomes of all columns."""
    print(
        f"import    {len(foreign_table.columns):,} columns: {len(chosen.features):,} "
        f"features, {chosen.metadata:,} of metadata, {len(chosen.left_out):,} left "
        "out, and the key"
    )
    if foreign_table.layout and not foreign_table.layout.last_line_ends:
        print(
            f"note: {foreign_table.path} ends without a line break: if it was cut "
            "short, its last number was too"
        )
    if chosen.left_out:
        shown = [f"{name!r} ({reason})" for name, reason in chosen.left_out.items()]
        print(
            f"note: left out, for they measure nothing: {', '.join(first(shown))}; "
            "--config.imported.features=NAME keeps one",
            flush=True,
        )


def noted_before(
    directory: epath.Path, note: Mapping[str, Any], chosen: Columns
) -> dict[str, Any] | None:
    """Returns what a complete set of the same table noted of its columns, or None.

    Args:
      directory: of the set.
      note: other entries of the set's note.
      chosen: columns by their names.

    Returns:
      Entries of the set's note; None if the table must be checked again.
    """
    before = store.made_from(directory) if store.is_complete(directory) else {}
    noted = {name: before.pop(name) for name in (_LEFT_OUT, _KEPT) if name in before}
    left_out = noted.get(_LEFT_OUT)
    if before != note or left_out is None or noted.get(_KEPT, []) != chosen.kept:
        return None
    return noted if chosen.left_out.items() <= left_out.items() else None


def as_formerly(directory: epath.Path, noted: dict[str, Any]) -> dict[str, Any]:
    """Returns the note's entries, or {} if a former version made the same features.

    Former versions left out pandas' index columns without noting them.
    """
    is_former = store.is_begun(directory) and _LEFT_OUT not in store.made_from(
        directory
    )
    has_same_features = _KEPT not in noted and all(
        map(bookkeeping.is_index, noted[_LEFT_OUT])
    )
    return {} if is_former and has_same_features else noted


def first(columns: Sequence[str]) -> list[str]:
    """Returns a wide table's first columns."""
    return [*columns[:8], *(["..."] if len(columns) > 8 else [])]
