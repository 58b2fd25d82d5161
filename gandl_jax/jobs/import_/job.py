"""The job `import`: makes a feature set of a table from another program.

It needs no images: the records' metadata come from the raw screen's table or, if that
is not here, from the prepared screen.
"""

import dataclasses
import hashlib
import re
from collections.abc import Sequence

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import names, progress
from gandl_jax.errors import InputError, nearest
from gandl_jax.jobs.import_ import feature_columns
from gandl_jax.prepared import prepared
from gandl_jax.profiles import (
    bookkeeping,
    floors,
    foreign,
    key_values,
    narrow,
    quality,
    store,
    table,
)
from gandl_jax.profiles.aggregate import well_means
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.raw import confined, screen, wells
from gandl_jax.reading import labelling

PART_ROWS = 4096  # of the table, in one file of the feature set
LOOK_ROWS = 1024  # by which columns that may be counters are found, at least
NOT_OURS = (*floors.OF_IMAGES, "plate", "position")  # names that other sets have
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(_[A-Za-z0-9.-]+)*")
_GLUE = "\x1f"  # between the values of a key of several columns


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Reads config.imported.file into profiles/<dataset>/<name>/.

    Parts that are there are kept, so that a killed run can be finished.

    Args:
      config: data, screen and imported are read.
      workdir: gets the feature set.

    Raises:
      InputError: the table, its name or its key is unusable, or its rows are not the
        screen's records; the set is removed.
    """
    if not config.imported.file:
        raise InputError(
            "config.imported.file is not set: name a CSV or Parquet file with one row "
            "per site or well"
        )
    foreign_table = foreign.open_table(config.imported.file)
    spec = screen.load(config)
    lookup, records = _screen_tables(config, spec)
    key = _choose_key(foreign_table, config.imported.key, lookup, spec)
    chosen = feature_columns.choose(foreign_table, key, lookup, config.imported)
    matcher = _make_matcher(lookup, records, key, spec)
    name = _name(config.imported.name or foreign_table.path.name.partition(".")[0])
    directory = epath.Path(workdir) / "profiles" / spec.name / name
    _refuse_clash(directory)
    note = _note(foreign_table, key, matcher, config.imported)
    if (known := feature_columns.noted_before(directory, note, chosen)) is not None:
        store.claim(directory, note | known)
        return
    rows, counters = _match(
        foreign_table,
        matcher,
        chosen.features,
        skip=config.imported.unmatched == "skip",
    )
    chosen = chosen.without(counters, foreign_table)
    feature_columns.tell(foreign_table, chosen)
    note |= feature_columns.as_formerly(directory, chosen.note())
    _discard_unfinished(directory, note)
    if not store.claim(directory, note):
        return
    try:
        labelling.note_written(config, epath.Path(workdir), directory)
        _write(foreign_table, chosen.features, matcher, directory, rows)
    except InputError:
        _remove(directory, epath.Path(workdir))
        raise


@dataclasses.dataclass(frozen=True)
class _Matcher:
    """Matches rows of a table with records of the screen.

    Attributes:
      key: the table's key columns.
      well: the key column with a well's name, read in any notation; or None.
      wells_per_row: wells in a row if wells are numbered; else 0.
      numbers: the key columns whose values compare as numbers.
      level: "site" if a row is a record, or "well".
      index: the joined keys of all records or wells.
      metadata: [N] rows of Metadata_*, in the order of the index.
    """

    key: tuple[str, ...]
    well: str | None
    wells_per_row: int
    numbers: frozenset[str]
    level: str
    index: pd.Index
    metadata: pd.DataFrame

    def positions(self, keys: pd.DataFrame) -> np.ndarray:
        """Returns the [n] position in the metadata of each row; -1 if there is none."""
        notation = self.key, self.well, self.wells_per_row, self.numbers
        return self.index.get_indexer(_joined(keys, *notation))


def _screen_tables(config, spec: screen.Screen) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reads all columns that may be a key, and the Metadata_* table; [N] rows both."""
    source = config.data.source_dir
    if source and epath.Path(source).is_dir() or not config.data.dir:
        confined.check_links(source, config.data.outside)
        raw = screen.read_metadata(spec, source)
        records = screen.table(spec, raw)
        screen.check_filters(spec, raw)
    elif prepared.is_complete(config.data.dir):
        opened = prepared.open_prepared(config.data.dir)
        records = labelling.label(config, opened).table
        raw = prepared.read_source_table(opened)
        if raw is None:  # prepared by a former version
            known = [name for name in spec.columns if name in records]
            raw = records[known].rename(columns=spec.columns)
    else:
        raise InputError(
            f"neither the screen {source!r} (config.data.source_dir) nor the prepared "
            f"one {config.data.dir!r} (config.data.dir) is here: an import needs the "
            "metadata of one of them, no images"
        )
    raw = raw.reset_index(drop=True).astype(str)
    if "well_id" not in raw and (well_columns := _well_columns(spec, raw)):
        raw["well_id"] = raw[well_columns[0]].str.cat(
            [raw[column] for column in well_columns[1:]], sep="_"
        )
    more = [name for name in records if name not in raw]
    return pd.concat([raw, records[more].astype(str)], axis=1), records


def _well_columns(spec: screen.Screen, columns) -> tuple[str, ...]:
    """Returns the source's columns that together name a well; () if there are none."""
    named = [
        spec.columns.get(f"Metadata_{name}") for name in ("Experiment", "Plate", "Well")
    ]
    return (
        tuple(column for column in named if column in columns)
        if named[-1] in columns
        else ()
    )


def _choose_key(foreign_table, wanted, lookup, spec) -> tuple[str, ...]:
    """Chooses the columns that say which record or well a row belongs to."""
    if wanted:
        for name in wanted:
            for columns, source in (
                (foreign_table.columns, foreign_table.path),
                (lookup.columns, "the screen's metadata"),
            ):
                if name not in columns:
                    raise InputError(
                        f"config.imported.key names the column {name!r}, which is not "
                        f"in {source}; {nearest(name, feature_columns.first(columns))}"
                    )
        return tuple(wanted)
    metadata_columns = "Metadata_Experiment", "Metadata_Plate", "Metadata_Well"
    choices = [("site_id",), spec.key, ("Metadata_Record_ID",), ("Metadata_Site_ID",)]
    choices += [("well_id",), _well_columns(spec, lookup.columns)]
    choices += [tuple(name for name in metadata_columns if name in lookup)]
    for choice in filter(None, choices):
        if all(name in foreign_table.columns and name in lookup for name in choice):
            return tuple(choice)
    wanted = ", ".join(_well_columns(spec, lookup.columns) or ("plate", "well"))
    shown_columns = ", ".join(feature_columns.first(foreign_table.columns))
    raise InputError(
        f"{foreign_table.path} has no column that names a site or a well (site_id, "
        f"well_id, or {wanted}); its columns are {shown_columns}: name "
        "config.imported.key"
    )


def _make_matcher(lookup, records, key, spec: screen.Screen) -> _Matcher:
    own_well = spec.columns.get("Metadata_Well")
    well = next((name for name in key if name in (own_well, "Metadata_Well")), None)
    numbers = frozenset(
        name
        for name in key
        if name != well and key_values.are_numbers(names.cleaned(lookup[name]))
    )
    notation = key, well, spec.wells_per_row, numbers
    keys = pd.Index(_joined(lookup, *notation))
    if keys.is_unique:
        return _Matcher(*notation, "site", keys, records)
    if "Metadata_Well" in records:
        well_of = pd.Series(table.wells(records))
        if well_of.groupby(keys).nunique().max() == 1:
            nothing = np.zeros((len(records), 0), np.float32)
            metadata = well_means(FeatureSet("", records, nothing)).metadata
            key_of = pd.Series(keys).groupby(well_of.to_numpy()).first()
            index = pd.Index(key_of[metadata["Metadata_Record_ID"]])
            if index.is_unique and keys.nunique() == len(index):
                return _Matcher(*notation, "well", index, metadata)
    raise InputError(
        f"the key {', '.join(key)} names neither single records nor wells of the "
        f"screen: {keys.nunique()} values for {len(records)} records; name other "
        "columns in config.imported.key"
    )


def _joined(
    keys: pd.DataFrame,
    key: Sequence[str],
    well: str | None,
    wells_per_row: int,
    numbers: frozenset[str],
) -> np.ndarray:
    """Joins keys: [n] str objects; names cleaned, wells and numbers in one notation."""
    columns = []
    for name in key:
        text = names.cleaned(keys[name]).astype(object)
        if name == well:
            has_name = text != ""
            text[has_name] = wells.canonical(text[has_name], name, wells_per_row)
        elif name in numbers:
            text = key_values.as_numbers(text)
        columns.append(text)
    first, *others = columns
    return first.str.cat(others, sep=_GLUE).to_numpy() if others else first.to_numpy()


def _name(name: str) -> str:
    if not _NAME.fullmatch(name) or name in NOT_OURS:
        raise InputError(
            f"a feature set cannot be called {name!r}: give config.imported.name, of "
            f"letters, digits, '-', '.' and single '_', and not {', '.join(NOT_OURS)}"
        )
    return name


def _refuse_clash(directory: epath.Path) -> None:
    """Refuses a folder with an encoder of ours, unless a killed run left it."""
    try:
        note = store.made_from(directory)
    except InputError:
        return  # damaged: `store.claim` decides whether it can be written again
    if store.is_begun(directory) and "file" not in note:
        raise InputError(
            f"{directory} holds an encoder that is no imported table: give another "
            "config.imported.name"
        )


def _note(foreign_table, key, matcher: _Matcher, imported) -> dict:
    """Returns what the set is made from; a rewritten table counts as another."""
    stat = foreign_table.path.stat()
    known = pd.util.hash_pandas_object(matcher.metadata, index=False).to_numpy()
    return {
        "file": str(foreign_table.path.resolve()),
        "bytes": stat.length,
        "modified": stat.mtime,
        "key": list(key),
        "level": matcher.level,
        "unmatched": imported.unmatched,
        "metadata": hashlib.sha256(known.tobytes()).hexdigest(),
        "saw_images": None,  # unknown for tables of others
    }


def _discard_unfinished(directory: epath.Path, note: dict) -> None:
    """Removes what an unfinished import of another table left."""
    begun = store.is_begun(directory) and not store.was_finished(directory)
    if begun and store.made_from(directory) != note:
        print(f"note: {directory} was not finished, and is made anew from this table")
        directory.rmtree()


def _match(
    foreign_table, matcher: _Matcher, features: Sequence[str], *, skip: bool
) -> tuple[int, dict[str, str]]:
    """Reads the keys of all rows, and refuses a table of another screen.

    Returns:
      The number of rows; and features that count, name or locate the rows, and how.
    """
    print(f"import    reading the keys of {foreign_table.path}", flush=True)
    suspects = _suspects(foreign_table, matcher, features)
    rows, unmatched, example = 0, 0, None
    row_counts = np.zeros(len(matcher.index), np.int64)
    pieces = []
    for keys, values in foreign_table.rows(matcher.key, suspects):
        positions = matcher.positions(keys)
        is_unmatched = positions < 0
        if is_unmatched.any():
            if not skip:
                _refuse_blank(foreign_table, keys, is_unmatched, rows)
            example = example or _shown(keys[is_unmatched])
        rows, unmatched = rows + len(keys), unmatched + int(is_unmatched.sum())
        row_counts += np.bincount(positions[~is_unmatched], minlength=len(row_counts))
        pieces.append((positions[~is_unmatched], values[~is_unmatched]))
    if (row_counts > 1).any():
        first = matcher.index[row_counts > 1][0].replace(_GLUE, ", ")
        raise InputError(
            f"{foreign_table.path}: {int((row_counts > 1).sum())} keys "
            f"({', '.join(matcher.key)}) have more than one row, the first {first!r}: "
            "keep one row of each"
        )
    if not rows:
        raise InputError(f"{foreign_table.path} has a header and no rows")
    _compare(foreign_table, matcher, rows, unmatched, example, row_counts, skip=skip)
    positions, values = _stacked(pieces)
    metadata = matcher.metadata.iloc[positions]
    return rows, bookkeeping.by_value(
        values, suspects, metadata, positions, len(features)
    )


def _suspects(foreign_table, matcher: _Matcher, features: Sequence[str]) -> list[str]:
    """Finds features that may count or locate the rows, by the first rows."""
    pieces, rows = [], 0
    for keys, values in foreign_table.rows(matcher.key, features):
        positions = matcher.positions(keys)
        matched = np.flatnonzero(positions >= 0)[: LOOK_ROWS - rows]
        pieces.append((positions[matched], values[matched]))
        rows += len(matched)
        if rows >= LOOK_ROWS:
            break
    if not rows:
        return []
    positions, values = _stacked(pieces)
    may_count = bookkeeping.may_count(values, matcher.metadata.iloc[positions])
    return [
        name for name, is_suspect in zip(features, may_count, strict=True) if is_suspect
    ]


def _refuse_blank(
    foreign_table, keys: pd.DataFrame, is_unmatched: np.ndarray, before: int
) -> None:
    """Refuses a row without a record and without a value in a key column."""
    blank = (keys == "").to_numpy() & is_unmatched[:, None]
    if blank.any():
        row, column = np.argwhere(blank)[0]
        raise InputError(
            f"{foreign_table.path}: {foreign_table.line(before + int(row))} has no "
            f"{keys.columns[column]}, by which a record is known: fill the cell, or "
            "remove the row; --config.imported.unmatched=skip leaves such rows out"
        )


def _compare(
    foreign_table, matcher, rows, unmatched, example, row_counts, *, skip: bool
) -> None:
    """Counts rows and records that do not match; refuses them or leaves them out."""
    missing, noun = int((row_counts == 0).sum()), f"{matcher.level}s"
    if not unmatched and not missing:
        return
    matched = rows - unmatched
    text = (
        f"{foreign_table.path} has {rows:,} rows and the screen {len(row_counts):,} "
        f"{noun}; {matched:,} meet, {unmatched:,} rows"
        f"{f' (such as {example!r})' if example else ''} and {missing:,} {noun} do not"
    )
    if not matched:
        raise InputError(f"{text}: is it of another screen? Name config.imported.key")
    if not skip:
        raise InputError(f"{text}; --config.imported.unmatched=skip leaves them out")
    print(f"import    {text} and are left out", flush=True)


def _shown(keys: pd.DataFrame) -> str:
    return ", ".join(keys.iloc[0])


def _write(
    foreign_table, features, matcher: _Matcher, directory: epath.Path, rows: int
) -> None:
    """Writes the rows that have a record, part by part."""
    progress_line = progress.Progress(f"import {directory.name}", rows, "rows")
    columns, number = quality.Columns(directory.name, features), 0
    narrowed = narrow.Narrow(str(foreign_table.path), features)
    for positions, values in _parts(foreign_table, features, matcher, progress_line):
        metadata, values = matcher.metadata.iloc[positions], narrowed(values)
        columns.add(FeatureSet(directory.name, metadata, values))
        part = directory / f"part-{number:05d}.parquet"
        if not store.is_whole(part):
            store.write_part(part, metadata, {directory.name: values})
        number += 1
    columns.refuse_broken()
    store.finish(directory)
    progress_line.close()
    if rounded := narrowed.note():
        print(f"note: {rounded}")


def _parts(
    foreign_table, features, matcher: _Matcher, progress_line: progress.Progress
):
    """Yields rows that have a record, PART_ROWS at a time: ([n] positions, [n, D])."""
    pieces: list[tuple[np.ndarray, np.ndarray]] = []
    for keys, values in foreign_table.rows(matcher.key, features):
        positions = matcher.positions(keys)
        known = positions >= 0
        pieces.append(
            (positions, values) if known.all() else (positions[known], values[known])
        )
        progress_line.update(len(positions))
        while sum(len(positions) for positions, _ in pieces) >= PART_ROWS:
            positions, values = _stacked(pieces)
            yield positions[:PART_ROWS], values[:PART_ROWS]
            pieces = [(positions[PART_ROWS:], values[PART_ROWS:])]
    positions, values = _stacked(pieces)
    if len(positions):
        yield positions, values


def _stacked(pieces) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.concatenate(side) for side in zip(*pieces, strict=True))


def _remove(directory: epath.Path, workdir: epath.Path) -> None:
    """Removes a set that cannot be finished, and folders that this leaves empty."""
    directory.rmtree()
    for folder in (directory.parent, directory.parent.parent):
        if folder != workdir and not any(folder.iterdir()):
            folder.rmdir()
