"""Which columns of an imported table are features, and what the others are."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles import bookkeeping, store
from gandl_jax.profiles.foreign import ForeignTable

_LEFT_OUT, _KEPT = "left_out_columns", "kept_columns"  # of a set's note


@dataclasses.dataclass(frozen=True)
class Columns:
    """What becomes of the table's columns.

    Attributes:
      features: names, in the table's order.
      metadata: how many the screen's own table or Metadata_* have.
      left_out: what measures nothing, and why.
      kept: features that the config names.
    """

    features: list[str]
    metadata: int
    left_out: dict[str, str]
    kept: list[str]

    def without(self, counters: Mapping[str, str], theirs: ForeignTable) -> "Columns":
        """The same without some features, but for those that the config names."""
        gone = {name: why for name, why in counters.items() if name not in self.kept}
        features = [name for name in self.features if name not in gone]
        _refuse_none(theirs, features)
        left_out = self.left_out | gone
        return dataclasses.replace(self, features=features, left_out=left_out)

    def note(self) -> dict[str, Any]:
        """What is kept with the set."""
        kept = {_KEPT: self.kept} if self.kept else {}
        return {_LEFT_OUT: self.left_out} | kept


def choose(
    theirs: ForeignTable, key: Sequence[str], lookup: Collection[str], imported: Any
) -> Columns:
    """Tells features by the names of columns and by the config.

    Args:
      theirs: the table.
      key: its key columns.
      lookup: columns that the screen's own table has.
      imported: `config.imported`.

    Raises:
      InputError: no feature is left, or the config names a column twice or none.
    """
    kept = _named(theirs, imported.features, "features")
    dropped = _named(theirs, imported.not_features, "not_features")
    _refuse_twice(kept, dropped, key)
    others = [name for name in theirs.columns if name not in key]
    metadata = {n for n in others if n in lookup or n.startswith("Metadata_")}
    metadata -= {*kept, *dropped}
    left_out = dict.fromkeys(bookkeeping.by_name(others), "by its name")
    left_out |= dict.fromkeys(dropped, "config.imported.not_features")
    left_out = {n: w for n, w in left_out.items() if n not in {*metadata, *kept}}
    features = [n for n in others if n not in left_out and n not in metadata]
    _refuse_none(theirs, features)
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


def _named(theirs: ForeignTable, words: Sequence[str], option: str) -> list[str]:
    """The columns that words of the config name, whole or by how they begin."""
    named = []
    for word in words:
        found = [word] if word in theirs.columns else []
        found = found or [n for n in theirs.columns if word and n.startswith(word)]
        if not found:
            raise InputError(
                f"config.imported.{option} names {word!r}, and no column of "
                f"{theirs.path} is called so or begins so; "
                f"{nearest(word, first(theirs.columns))}"
            )
        named += found
    return list(dict.fromkeys(named))


def _refuse_none(theirs: ForeignTable, features: Sequence[str]) -> None:
    if not features:
        raise InputError(
            f"{theirs.path} has no feature columns: besides the key, metadata and what "
            "counts or places the rows there is nothing in "
            f"{', '.join(first(theirs.columns))}; config.imported.features names "
            "columns that are features all the same"
        )


def tell(theirs: ForeignTable, chosen: Columns) -> None:
    """Accounts for all columns."""
    print(
        f"import    {len(theirs.columns):,} columns: {len(chosen.features):,} features,"
        f" {chosen.metadata:,} of metadata, {len(chosen.left_out):,} left out, and the "
        "key"
    )
    if theirs.layout and not theirs.layout.last_line_ends:
        print(
            f"note: {theirs.path} ends without a line break: if it was cut short, its "
            "last number was too"
        )
    if chosen.left_out:
        shown = [f"{name!r} ({why})" for name, why in chosen.left_out.items()]
        print(
            f"note: left out, for they measure nothing: {', '.join(first(shown))}; "
            "--config.imported.features=NAME keeps one",
            flush=True,
        )


def said_before(
    directory: epath.Path, note: Mapping[str, Any], chosen: Columns
) -> dict[str, Any] | None:
    """What a complete set of this very table says of its columns, if there is one.

    Args:
      directory: of the set.
      note: what else the set is made from.
      chosen: columns by their names.

    Returns:
      A part of the set's note; None where the table must be looked through.
    """
    before = store.made_from(directory) if store.is_complete(directory) else {}
    said = {name: before.pop(name) for name in (_LEFT_OUT, _KEPT) if name in before}
    left_out = said.get(_LEFT_OUT)
    if before != note or left_out is None or said.get(_KEPT, []) != chosen.kept:
        return None
    return said if chosen.left_out.items() <= left_out.items() else None


def as_formerly(directory: epath.Path, said: dict[str, Any]) -> dict[str, Any]:
    """The same note, or that of a former version where its features are the same.

    Former versions left out what pandas writes as an index, and said nothing of it.
    """
    formerly = store.is_begun(directory) and _LEFT_OUT not in store.made_from(directory)
    same = _KEPT not in said and all(map(bookkeeping.is_index, said[_LEFT_OUT]))
    return {} if formerly and same else said


def first(columns: Sequence[str]) -> list[str]:
    """A wide table's first columns."""
    return [*columns[:8], *(["..."] if len(columns) > 8 else [])]
