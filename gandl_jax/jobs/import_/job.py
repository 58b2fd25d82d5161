"""The job `import`: a table that others made becomes a feature set beside ours.

It needs no images: the records' metadata come from the raw screen's table or, where
that is not here, from the prepared screen.
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
LOOK_ROWS = 1024  # that say which columns may be counters, at least
NOT_OURS = (*floors.OF_IMAGES, "plate", "position")  # names that other sets have
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(_[A-Za-z0-9.-]+)*")
_GLUE = "\x1f"  # between the values of a key of several columns


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Reads config.imported.file into profiles/<dataset>/<name>/.

    Parts that are there are kept, so that a run that was killed can be finished.

    Args:
      config: data, screen and imported are read.
      workdir: gets the feature set.

    Raises:
      InputError: the table, its name or its key is unusable, or its rows are not the
        screen's records; what was written is removed.
    """
    if not config.imported.file:
        raise InputError(
            "config.imported.file is not set: name a CSV or Parquet file with one row "
            "per site or well"
        )
    theirs = foreign.open_table(config.imported.file)
    spec = screen.load(config)
    lookup, records = _screen_tables(config, spec)
    key = _choose_key(theirs, config.imported.key, lookup, spec)
    chosen = feature_columns.choose(theirs, key, lookup, config.imported)
    places = _places(lookup, records, key, spec)
    name = _name(config.imported.name or theirs.path.name.partition(".")[0])
    directory = epath.Path(workdir) / "profiles" / spec.name / name
    _refuse_clash(directory)
    note = _note(theirs, key, places, config.imported)
    if (known := feature_columns.said_before(directory, note, chosen)) is not None:
        store.claim(directory, note | known)
        return
    rows, counters = _match(
        theirs, places, chosen.features, skip=config.imported.unmatched == "skip"
    )
    chosen = chosen.without(counters, theirs)
    feature_columns.tell(theirs, chosen)
    note |= feature_columns.as_formerly(directory, chosen.note())
    _discard_unfinished(directory, note)
    if not store.claim(directory, note):
        return
    try:
        labelling.note_written(config, epath.Path(workdir), directory)
        _write(theirs, chosen.features, places, directory, rows)
    except InputError:
        _remove(directory, epath.Path(workdir))
        raise


@dataclasses.dataclass(frozen=True)
class _Places:
    """Which record a row of the table is of.

    Attributes:
      key: the table's key columns.
      well: that of them which is a well's name, to be read in any notation; or None.
      wells_per_row: where wells are numbers, how many a row has; else 0.
      numbers: those of them whose values compare as numbers.
      level: "site" where a row is a record, "well".
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
        """[n] position in the metadata of each row; -1 where there is none."""
        how = self.key, self.well, self.wells_per_row, self.numbers
        return self.index.get_indexer(_joined(keys, *how))


def _screen_tables(config, spec: screen.Screen) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All columns that may be a key, and the Metadata_* table; [N] rows both."""
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
        if raw is None:  # of a former version
            known = [name for name in spec.columns if name in records]
            raw = records[known].rename(columns=spec.columns)
    else:
        raise InputError(
            f"neither the screen {source!r} (config.data.source_dir) nor the prepared "
            f"one {config.data.dir!r} (config.data.dir) is here: an import needs the "
            "metadata of one of them, no images"
        )
    raw = raw.reset_index(drop=True).astype(str)
    if "well_id" not in raw and (parts := _well_columns(spec, raw)):
        raw["well_id"] = raw[parts[0]].str.cat([raw[c] for c in parts[1:]], sep="_")
    more = [name for name in records if name not in raw]
    return pd.concat([raw, records[more].astype(str)], axis=1), records


def _well_columns(spec: screen.Screen, columns) -> tuple[str, ...]:
    """The source's columns that together name a well; () where there are none."""
    named = [spec.columns.get(f"Metadata_{c}") for c in ("Experiment", "Plate", "Well")]
    return tuple(n for n in named if n in columns) if named[-1] in columns else ()


def _choose_key(theirs, wanted, lookup, spec) -> tuple[str, ...]:
    """The columns that say which record or well a row is of."""
    if wanted:
        for name in wanted:
            for columns, where in (
                (theirs.columns, theirs.path),
                (lookup.columns, "the screen's metadata"),
            ):
                if name not in columns:
                    raise InputError(
                        f"config.imported.key names the column {name!r}, which is not "
                        f"in {where}; {nearest(name, feature_columns.first(columns))}"
                    )
        return tuple(wanted)
    ours = "Metadata_Experiment", "Metadata_Plate", "Metadata_Well"
    choices = [("site_id",), spec.key, ("Metadata_Record_ID",), ("Metadata_Site_ID",)]
    choices += [("well_id",), _well_columns(spec, lookup.columns)]
    choices += [tuple(name for name in ours if name in lookup)]
    for choice in filter(None, choices):
        if all(name in theirs.columns and name in lookup for name in choice):
            return tuple(choice)
    wanted = ", ".join(_well_columns(spec, lookup.columns) or ("plate", "well"))
    there = ", ".join(feature_columns.first(theirs.columns))
    raise InputError(
        f"{theirs.path} has no column that names a site or a well (site_id, well_id, "
        f"or {wanted}); its columns are {there}: name config.imported.key"
    )


def _places(lookup, records, key, spec: screen.Screen) -> _Places:
    ours = spec.columns.get("Metadata_Well")
    well = next((name for name in key if name in (ours, "Metadata_Well")), None)
    numbers = frozenset(
        name
        for name in key
        if name != well and key_values.are_numbers(names.cleaned(lookup[name]))
    )
    how = key, well, spec.wells_per_row, numbers
    keys = pd.Index(_joined(lookup, *how))
    if keys.is_unique:
        return _Places(*how, "site", keys, records)
    if "Metadata_Well" in records:
        well_of = pd.Series(table.wells(records))
        if well_of.groupby(keys).nunique().max() == 1:
            nothing = np.zeros((len(records), 0), np.float32)
            metadata = well_means(FeatureSet("", records, nothing)).metadata
            key_of = pd.Series(keys).groupby(well_of.to_numpy()).first()
            index = pd.Index(key_of[metadata["Metadata_Record_ID"]])
            if index.is_unique and keys.nunique() == len(index):
                return _Places(*how, "well", index, metadata)
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
    """[n] str objects; names cleaned, wells and numbers in one notation."""
    columns = []
    for name in key:
        text = names.cleaned(keys[name]).astype(object)
        if name == well:
            named = text != ""
            text[named] = wells.canonical(text[named], name, wells_per_row)
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
    """Raises where an encoder of ours lies there; what a killed run made is no such."""
    try:
        note = store.made_from(directory)
    except InputError:
        return  # it is damaged: `store.claim` knows whether it can be written again
    if store.is_begun(directory) and "file" not in note:
        raise InputError(
            f"{directory} holds an encoder that is no imported table: give another "
            "config.imported.name"
        )


def _note(theirs, key, places: _Places, imported) -> dict:
    """What the set is made from; a table that was written again is another."""
    stat = theirs.path.stat()
    known = pd.util.hash_pandas_object(places.metadata, index=False).to_numpy()
    return {
        "file": str(theirs.path.resolve()),
        "bytes": stat.length,
        "modified": stat.mtime,
        "key": list(key),
        "level": places.level,
        "unmatched": imported.unmatched,
        "metadata": hashlib.sha256(known.tobytes()).hexdigest(),
        "saw_images": None,  # nobody knows what others trained on
    }


def _discard_unfinished(directory: epath.Path, note: dict) -> None:
    """Removes what the import of another table left that was broken off."""
    begun = store.is_begun(directory) and not store.was_finished(directory)
    if begun and store.made_from(directory) != note:
        print(f"note: {directory} was not finished, and is made anew from this table")
        directory.rmtree()


def _match(
    theirs, places: _Places, features: Sequence[str], *, skip: bool
) -> tuple[int, dict[str, str]]:
    """Reads the keys of all rows, and refuses a table that is not of this screen.

    Returns:
      The number of rows; and features that count, name or place the rows, and how.
    """
    print(f"import    reading the keys of {theirs.path}", flush=True)
    suspects = _suspects(theirs, places, features)
    rows, unmatched, example = 0, 0, None
    times = np.zeros(len(places.index), np.int64)
    held = []
    for keys, values in theirs.rows(places.key, suspects):
        found = places.positions(keys)
        strange = found < 0
        if strange.any():
            if not skip:
                _refuse_blank(theirs, keys, strange, rows)
            example = example or _shown(keys[strange])
        rows, unmatched = rows + len(keys), unmatched + int(strange.sum())
        times += np.bincount(found[~strange], minlength=len(times))
        held.append((found[~strange], values[~strange]))
    if (times > 1).any():
        first = places.index[times > 1][0].replace(_GLUE, ", ")
        raise InputError(
            f"{theirs.path}: {int((times > 1).sum())} keys ({', '.join(places.key)}) "
            f"have more than one row, the first {first!r}: keep one row of each"
        )
    if not rows:
        raise InputError(f"{theirs.path} has a header and no rows")
    _compare(theirs, places, rows, unmatched, example, times, skip=skip)
    found, values = _stacked(held)
    metadata = places.metadata.iloc[found]
    return rows, bookkeeping.by_value(values, suspects, metadata, found, len(features))


def _suspects(theirs, places: _Places, features: Sequence[str]) -> list[str]:
    """Features that may turn out to count or place the rows, by the first of them."""
    held, rows = [], 0
    for keys, values in theirs.rows(places.key, features):
        found = places.positions(keys)
        met = np.flatnonzero(found >= 0)[: LOOK_ROWS - rows]
        held.append((found[met], values[met]))
        rows += len(met)
        if rows >= LOOK_ROWS:
            break
    if not rows:
        return []
    found, values = _stacked(held)
    may = bookkeeping.may_count(values, places.metadata.iloc[found])
    return [name for name, it in zip(features, may, strict=True) if it]


def _refuse_blank(theirs, keys: pd.DataFrame, strange: np.ndarray, before: int) -> None:
    """Raises where a row without a record has no value in a key column."""
    blank = (keys == "").to_numpy() & strange[:, None]
    if blank.any():
        row, column = np.argwhere(blank)[0]
        raise InputError(
            f"{theirs.path}: {theirs.line(before + int(row))} has no "
            f"{keys.columns[column]}, by which a record is known: fill the cell, or "
            "remove the row; --config.imported.unmatched=skip leaves such rows out"
        )


def _compare(theirs, places, rows, unmatched, example, times, *, skip: bool) -> None:
    """Counts both sides; rows and records that do not meet are refused or left out."""
    missing, kind = int((times == 0).sum()), f"{places.level}s"
    if not unmatched and not missing:
        return
    meet = rows - unmatched
    text = (
        f"{theirs.path} has {rows:,} rows and the screen {len(times):,} {kind}; "
        f"{meet:,} meet, {unmatched:,} rows"
        f"{f' (such as {example!r})' if example else ''} and {missing:,} {kind} do not"
    )
    if not meet:
        raise InputError(f"{text}: is it of another screen? Name config.imported.key")
    if not skip:
        raise InputError(f"{text}; --config.imported.unmatched=skip leaves them out")
    print(f"import    {text} and are left out", flush=True)


def _shown(keys: pd.DataFrame) -> str:
    return ", ".join(keys.iloc[0])


def _write(theirs, features, places: _Places, directory: epath.Path, rows: int) -> None:
    """Writes the rows that have a record, part by part."""
    line = progress.Progress(f"import {directory.name}", rows, "rows")
    seen, number = quality.Columns(directory.name, features), 0
    narrowed = narrow.Narrow(str(theirs.path), features)
    for found, values in _parts(theirs, features, places, line):
        metadata, values = places.metadata.iloc[found], narrowed(values)
        seen.add(FeatureSet(directory.name, metadata, values))
        part = directory / f"part-{number:05d}.parquet"
        if not store.is_whole(part):
            store.write_part(part, metadata, {directory.name: values})
        number += 1
    seen.refuse_broken()
    store.finish(directory)
    line.close()
    if rounded := narrowed.note():
        print(f"note: {rounded}")


def _parts(theirs, features, places: _Places, line: progress.Progress):
    """The rows that have a record, PART_ROWS at a time: ([n] places, [n, D])."""
    held: list[tuple[np.ndarray, np.ndarray]] = []
    for keys, values in theirs.rows(places.key, features):
        found = places.positions(keys)
        known = found >= 0
        held.append((found, values) if known.all() else (found[known], values[known]))
        line.update(len(found))
        while sum(len(found) for found, _ in held) >= PART_ROWS:
            found, values = _stacked(held)
            yield found[:PART_ROWS], values[:PART_ROWS]
            held = [(found[PART_ROWS:], values[PART_ROWS:])]
    found, values = _stacked(held)
    if len(found):
        yield found, values


def _stacked(held) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.concatenate(side) for side in zip(*held, strict=True))


def _remove(directory: epath.Path, workdir: epath.Path) -> None:
    """Removes a set that cannot be finished, and the folders that it leaves empty."""
    directory.rmtree()
    for folder in (directory.parent, directory.parent.parent):
        if folder != workdir and not any(folder.iterdir()):
            folder.rmdir()
