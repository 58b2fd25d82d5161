"""Feature sets on disk: one Parquet part per shard, complete when _SUCCESS says so."""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles.feature_set import FeatureSet

_SUCCESS = "_SUCCESS"
_MADE_FROM = "_made_from.json"  # readers of Parquet folders pass over _*
_POLICY = "skips_bad_records"  # of a note: it may change between runs
_AGAIN = "--job=embed again (for an imported table --job=import)"
_FEATURE = re.compile(r"(.+)__(\d+)")


def claim(directory: epath.PathLike, note: Mapping[str, Any]) -> bool:
    """Writes down what a feature set is made from.

    Args:
      directory: profiles/<dataset>/<encoder>.
      note: what it is made from, plain data; its "saw_images" says whether the encoder
        was trained on the records' images (None: nobody knows). Its
        "skips_bad_records", if there, says that records may be left out; that may
        change, and once true it stays.

    Returns:
      Whether parts are left to be made.

    Raises:
      InputError: it was begun from something else.
    """
    directory = epath.Path(directory)
    # Former versions did not write these.
    known = {k: note[k] for k in ("saw_images", "weights_sha256") if k in note}
    before = known | made_from(directory)
    begun = (directory / _MADE_FROM).exists()
    other = [k for k in {**before, **note} if before.get(k) != note.get(k)]
    if begun and set(other) - {_POLICY}:
        raise InputError(
            f"{directory} was made from other {' and '.join(other)}: delete that "
            "folder to make it again, or go back to the former config"
        )
    if not begun or note.get(_POLICY, False) > before.get(_POLICY, False):
        directory.mkdir(parents=True, exist_ok=True)
        files.replace(directory / _MADE_FROM, json.dumps(note, indent=1) + "\n")
    if is_complete(directory):
        print(f"{directory} is complete: nothing to do")
        return False
    return True


def made_from(directory: epath.PathLike) -> dict[str, Any]:
    """What a feature set was made from; {} where nothing was written down."""
    note = epath.Path(directory) / _MADE_FROM
    if not note.exists():
        return {}
    try:
        said = files.read_json(note)
        if not isinstance(said, dict):
            raise ValueError("it says nothing")
        return said
    except ValueError as error:  # broken JSON, or no text
        raise InputError(
            f"{note} is damaged: delete {directory} and run {_AGAIN}"
        ) from error


def is_begun(directory: epath.PathLike) -> bool:
    """Whether a directory says what it is made from, or holds a part.

    Neither is so where a run was killed as it made the directory.
    """
    directory = epath.Path(directory)
    return (directory / _MADE_FROM).exists() or bool(_parts(directory))


def write_part(
    path: epath.PathLike, metadata: pd.DataFrame, sets: Mapping[str, np.ndarray]
) -> None:
    """Writes one part, whole or not at all.

    Args:
      path: <directory>/part-00000.parquet; its directory is made.
      metadata: [N] rows of Metadata_* columns.
      sets: set name -> [N, D] floating; stored as float32 columns <set>__<i>.
    """
    path = epath.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = pa.Table.from_pandas(metadata, preserve_index=False)
    names, arrays = list(columns.column_names), list(columns.columns)
    labels = list(names)
    for name, features in sets.items():
        values = np.ascontiguousarray(np.asarray(features, np.float32).T)
        names += [f"{name}__{i}" for i in range(len(values))]
        arrays += [pa.array(column) for column in values]
    with files.replacing(path) as file:
        # Dictionaries and statistics of thousands of float columns only cost.
        pq.write_table(
            pa.table(arrays, names=names),
            file,
            use_dictionary=labels,
            write_statistics=False,
        )


def is_whole(path: epath.PathLike) -> bool:
    """Whether a part is there and can be read: a disk that was full may leave others.

    Args:
      path: of the part.
    """
    path = epath.Path(path)
    try:
        return path.exists() and _count(path) > 0
    except InputError:
        return False


def finish(directory: epath.PathLike) -> None:
    """Marks a directory complete: _SUCCESS lists every part and its record count.

    Args:
      directory: profiles/<dataset>/<encoder>, with all its parts written.
    """
    directory = epath.Path(directory)
    counts = {part.name: _count(part) for part in _parts(directory)}
    files.replace(directory / _SUCCESS, json.dumps(counts, indent=1) + "\n")


def is_complete(directory: epath.PathLike) -> bool:
    """Whether every part is there that _SUCCESS lists, and no other.

    Args:
      directory: profiles/<dataset>/<encoder>.

    Returns:
      True where `read` finds all the names it needs.
    """
    directory = epath.Path(directory)
    try:
        listed = files.read_json(directory / _SUCCESS)
    except (FileNotFoundError, ValueError):
        return False
    return (
        isinstance(listed, dict)
        and bool(listed)
        and all(type(count) is int and count >= 0 for count in listed.values())
        and set(listed) == {part.name for part in _parts(directory)}
    )


def widths(directory: epath.PathLike) -> dict[str, int]:
    """The sets in a directory and their number of features.

    Args:
      directory: profiles/<dataset>/<encoder>, complete.

    Returns:
      Set name -> D, as found in the first part.

    Raises:
      InputError: where the directory is not complete.
    """
    directory = epath.Path(directory)
    _require_complete(directory)
    return _widths(_parts(directory)[0])


def read(
    directory: epath.PathLike, names: Iterable[str] | None = None
) -> dict[str, FeatureSet]:
    """Reads sets, touching only the columns that belong to them.

    Args:
      directory: profiles/<dataset>/<encoder>.
      names: set names; None is all.

    Returns:
      Set name -> set of all N records, in the order of the parts.

    Raises:
      InputError: where the directory is not complete or a name is not in it.
    """
    directory = epath.Path(directory)
    known = widths(directory)
    names = list(known) if names is None else list(names)
    for name in names:
        if name not in known:
            raise InputError(f"{directory} has no set {name!r}; {nearest(name, known)}")
    listed = files.read_json(directory / _SUCCESS)
    for part in _parts(directory):
        _check_count(part, listed[part.name])
    total, start, metadata = sum(listed.values()), 0, []
    features = {name: np.empty((total, known[name]), np.float32) for name in names}
    for part in _parts(directory):
        labels, sets = _read_part(part, {name: known[name] for name in names})
        for name, values in sets.items():
            features[name][start : start + len(labels)] = values
        metadata.append(labels)
        start += len(labels)
    metadata = pd.concat(metadata, ignore_index=True)
    return {name: FeatureSet(name, metadata, features[name]) for name in names}


def parts(directory: epath.PathLike) -> Iterator[dict[str, FeatureSet]]:
    """Reads all sets part by part, for what need not hold them whole.

    Args:
      directory: profiles/<dataset>/<encoder>.

    Yields:
      Set name -> set of a part's records.

    Raises:
      InputError: where the directory is not complete.
    """
    known = widths(directory)
    for part in _parts(epath.Path(directory)):
        metadata, sets = _read_part(part, known)
        yield {name: FeatureSet(name, metadata, x) for name, x in sets.items()}


def read_metadata(directory: epath.PathLike) -> pd.DataFrame:
    """Reads what is known of the records, without their features.

    Args:
      directory: profiles/<dataset>/<encoder>.

    Returns:
      [N] rows of Metadata_* columns, in the order of the parts.

    Raises:
      InputError: where the directory is not complete.
    """
    directory = epath.Path(directory)
    _require_complete(directory)
    parts = [_read_part(part, {})[0] for part in _parts(directory)]
    return pd.concat(parts, ignore_index=True)


def fingerprint(directory: epath.PathLike) -> str:
    """A digest that changes whenever a part is written again.

    Args:
      directory: profiles/<dataset>/<encoder>, complete.

    Returns:
      Hexadecimal SHA-256 of _SUCCESS and of every part's name, size and time.
    """
    directory = epath.Path(directory)
    _require_complete(directory)
    digest = hashlib.sha256(files.read_bytes(directory / _SUCCESS))
    for part in _parts(directory):
        stat = part.stat()
        digest.update(f"{part.name} {stat.length} {stat.mtime}\n".encode())
    return digest.hexdigest()


def _require_complete(directory: epath.Path) -> None:
    if not is_complete(directory):
        raise InputError(
            f"{directory} is not complete: run --job=embed (for an imported table "
            "--job=import) to finish it, or delete it if it is no longer wanted."
        )


def _parts(directory: epath.Path) -> list[epath.Path]:
    return sorted(directory.glob("part-*.parquet"), key=lambda part: part.name)


@contextlib.contextmanager
def _reading(part: epath.Path) -> Iterator[BinaryIO]:
    """Opens a part; a damaged one, as of a full disk, is the user's to delete."""
    with files.reading(part) as file:
        try:
            yield file
        except (pa.ArrowException, OSError) as error:
            # Arrow raises an OSError without a number where pages do not decode.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InputError(
                f"{part} is damaged: delete it and run {_AGAIN}"
            ) from error


def _check_count(part: epath.Path, listed: int) -> None:
    """Raises where a part is not as long as was listed, before memory is taken."""
    if (found := _count(part)) != listed:
        raise InputError(
            f"{part} has {found} records where _SUCCESS says {listed}: delete "
            f"{part.parent} and make it again."
        )


def _count(part: epath.Path) -> int:
    with _reading(part) as file:
        return pq.read_metadata(file).num_rows


def _widths(part: epath.Path) -> dict[str, int]:
    with _reading(part) as file:
        columns = pq.read_schema(file).names
    found: dict[str, set[int]] = {}
    for column in columns:
        match = _FEATURE.fullmatch(column)
        if match and not column.startswith("Metadata_"):
            found.setdefault(match[1], set()).add(int(match[2]))
    for name, numbers in found.items():
        if max(numbers) != len(numbers) - 1:
            raise InputError(
                f"{part} lacks columns of the set {name!r}: delete it and run {_AGAIN}"
            )
    return {name: len(numbers) for name, numbers in found.items()}


def _read_part(
    part: epath.Path, chosen: Mapping[str, int]
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    wanted = [f"{name}__{i}" for name, width in chosen.items() for i in range(width)]
    with _reading(part) as file:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
        kinds = dict(zip(schema.names, schema.types, strict=True))
        labels = [n for n in kinds if n.startswith("Metadata_")]
        if not all(pa.types.is_floating(kinds[name]) for name in wanted):
            raise pa.ArrowInvalid("features that are no numbers")
        content = parquet.read(columns=labels + wanted)
    metadata = content.select(labels).to_pandas()
    sets, start = {}, len(labels)
    for name, width in chosen.items():
        columns = content.columns[start : start + width]
        sets[name] = np.stack([column.to_numpy() for column in columns], axis=1)
        start += width
    return metadata, sets
