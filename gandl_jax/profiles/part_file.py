"""One part of a feature set: a Parquet file, and a note that describes it.

The note, `_part-00000.json`, is written before the part, so that no part lacks its
note; if a run was killed between the two, the part is made again.
"""

import contextlib
import dataclasses
import hashlib
import io
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from etils import epath

from gandl_jax import files, plain_data, sealed_json
from gandl_jax.errors import InputError

AGAIN = (
    "run --job=embed again, which makes it anew (for an imported table --job=import)"
)
NAME = re.compile(r"part-\d+\.parquet")
_FEATURE = re.compile(r"(.+)__(\d+)")
_NOTE = {
    "part": str,
    "encoder": str,
    "made_from": str,
    "records": int,
    "parquet_sha256": str,
}
_SETTLED_S = 1.0  # a younger file may change without another time (clocks tick slowly)
_hashed: dict[str, tuple[tuple, str]] = {}  # path to how the file was, and its SHA-256


@dataclasses.dataclass(frozen=True)
class Note:
    """Contents of the note beside a part.

    Attributes:
      made_from: digest of what the part was made from.
      records: number of the part's records.
      sha256: of the part's bytes, in hex.
    """

    made_from: str
    records: int
    sha256: str


def listed(directory: epath.Path) -> list[epath.Path]:
    """Lists the parts in a folder, in the order of their names."""
    if not directory.is_dir():
        return []
    parts = [path for path in directory.iterdir() if NAME.fullmatch(path.name)]
    return sorted(parts, key=lambda path: path.name)


def write(
    path: epath.Path,
    metadata: pd.DataFrame,
    sets: Mapping[str, np.ndarray],
    made_from: str,
) -> None:
    """Writes one part, whole or not at all.

    Args:
      path: <directory>/part-00000.parquet.
      metadata: [N] rows of Metadata_* columns.
      sets: set name -> [N, D] floating; stored as float32 columns <set>__<i>.
      made_from: digest of what the part is made from.
    """
    columns = pa.Table.from_pandas(metadata, preserve_index=False)
    names, arrays = list(columns.column_names), list(columns.columns)
    labels = list(names)
    for name, features in sets.items():
        values = np.ascontiguousarray(np.asarray(features, np.float32).T)
        names += [f"{name}__{i}" for i in range(len(values))]
        arrays += [pa.array(column) for column in values]
    file = io.BytesIO()
    # Dictionaries and statistics of thousands of float columns only cost.
    pq.write_table(
        pa.table(arrays, names=names),
        file,
        use_dictionary=labels,
        write_statistics=False,
    )
    data = file.getvalue()
    _write_note(path, made_from, len(metadata), hashlib.sha256(data).hexdigest())
    files.replace(path, data)


def copy(path: epath.Path, directory: epath.Path) -> None:
    """Copies a part to a folder of the same name, its note first.

    Args:
      path: of the part.
      directory: profiles/<dataset>/<encoder>, of another workdir.
    """
    for file in (_note_path(path), path):
        files.replace(directory / file.name, files.read_bytes(file))


def adopt(path: epath.Path, made_from: str) -> None:
    """Writes the note of a part that a former version wrote, unless it is damaged."""
    if find_damage(path, None) is None:
        _write_note(path, made_from, count(path, None), _sha256(path))


def note(path: epath.Path) -> Note | None:
    """Reads the note of a part; None if it is missing, damaged or another part's.

    Args:
      path: of the part.
    """
    try:
        content = sealed_json.read(_note_path(path))
    except (FileNotFoundError, ValueError):
        return None
    names = path.name, path.parent.name
    if not plain_data.fits(content, _NOTE) or names != (
        content["part"],
        content["encoder"],
    ):
        return None
    return Note(content["made_from"], content["records"], content["parquet_sha256"])


def find_damage(path: epath.Path, sha256: str | None) -> str | None:
    """Describes what is wrong with a part; None if nothing is.

    Args:
      path: of the part.
      sha256: of the bytes that were written; None if a former version wrote the part,
        and only readability can be checked.
    """
    if not path.exists():
        return "is missing"
    if sha256 is not None:
        return None if _sha256(path) == sha256 else "is not as it was written"
    try:
        read(path, widths(path, None), None)
    except InputError:
        return "cannot be read"
    return None


def count(path: epath.Path, sha256: str | None) -> int:
    """Counts the records of a part.

    Args:
      path: of the part.
      sha256: as for `find_damage`; `widths` and `read` take the same.

    Raises:
      InputError: the part is damaged.
    """
    with _reading(path, sha256) as file:
        return pq.read_metadata(file).num_rows


def widths(path: epath.Path, sha256: str | None) -> dict[str, int]:
    """Returns set name -> number of its features.

    Raises:
      InputError: the part is damaged.
    """
    with _reading(path, sha256) as file:
        columns = pq.read_schema(file).names
    indices_of_set: dict[str, set[int]] = {}
    for column in columns:
        match = _FEATURE.fullmatch(column)
        if match and not column.startswith("Metadata_"):
            indices_of_set.setdefault(match[1], set()).add(int(match[2]))
    for name, indices in indices_of_set.items():
        if max(indices) != len(indices) - 1:
            raise InputError(f"{path} lacks columns of the set {name!r}: {AGAIN}")
    return {name: len(indices) for name, indices in indices_of_set.items()}


def read(
    path: epath.Path, chosen: Mapping[str, int], sha256: str | None
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Reads metadata, and only the columns of the chosen sets.

    Args:
      path: of the part.
      chosen: set name -> number of its features.
      sha256: as for `find_damage`.

    Returns:
      [N] rows of Metadata_* columns; set name -> [N, D] float32.

    Raises:
      InputError: the part is damaged.
    """
    wanted = [f"{name}__{i}" for name, width in chosen.items() for i in range(width)]
    with _reading(path, sha256) as file:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
        types = dict(zip(schema.names, schema.types, strict=True))
        labels = [name for name in types if name.startswith("Metadata_")]
        if not all(
            name in types and pa.types.is_floating(types[name]) for name in wanted
        ):
            raise pa.ArrowInvalid("features that lack or are no numbers")
        content = parquet.read(columns=labels + wanted)
        metadata = content.select(labels).to_pandas()
    sets, start = {}, len(labels)
    for name, width in chosen.items():
        columns = content.columns[start : start + width]
        sets[name] = np.stack([column.to_numpy() for column in columns], axis=1)
        start += width
    return metadata, sets


def read_into(
    rows: np.ndarray, path: epath.Path, name: str, sha256: str | None
) -> None:
    """Reads only the features of one set, without metadata.

    Args:
      rows: [N, D] float32, written.
      path: of the part, of N records.
      name: of the set, of D features.
      sha256: as for `find_damage`.

    Raises:
      InputError: the part is damaged, or has other than N records.
    """
    wanted = [f"{name}__{i}" for i in range(rows.shape[1])]
    with _reading(path, sha256) as file:
        parquet = pq.ParquetFile(file)
        check_count(path, parquet.metadata.num_rows, len(rows))
        content = parquet.read(columns=wanted)
        if content.column_names != wanted:
            raise pa.ArrowInvalid("features that lack")
        rows[:] = np.stack([column.to_numpy() for column in content.columns], axis=1)


def check_count(path: epath.Path, counted: int, listed: int) -> None:
    """Refuses a part that is not as long as was listed.

    Args:
      path: of the part.
      counted: number of its records.
      listed: number that it should have.
    """
    if counted != listed:
        raise InputError(
            f"{path} has {counted} records where _SUCCESS says {listed}: delete "
            f"{path.parent} and make it again."
        )


def _note_path(path: epath.Path) -> epath.Path:
    return path.parent / f"_{path.name.removesuffix('.parquet')}.json"


def _write_note(path: epath.Path, made_from: str, records: int, sha256: str) -> None:
    content: dict[str, Any] = {
        "part": path.name,
        "encoder": path.parent.name,
        "made_from": made_from,
        "records": records,
        "parquet_sha256": sha256,
    }
    sealed_json.write(_note_path(path), content)


@contextlib.contextmanager
def _reading(path: epath.Path, sha256: str | None) -> Iterator[BinaryIO]:
    """Opens an undamaged part; reads and checks it in memory the first time."""
    with contextlib.ExitStack() as opened:
        if sha256 is None or _known_sha256(path) == sha256:
            file = opened.enter_context(files.reading(path))
        else:
            file = pa.BufferReader(_checked_bytes(path, sha256))
        try:
            yield file
        except (pa.ArrowException, OSError, ValueError) as error:
            # Arrow raises an OSError without a number where pages do not decode.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InputError(f"{path} is damaged: {AGAIN}") from error


def _checked_bytes(path: epath.Path, sha256: str) -> bytes:
    before = _stat(path)
    data = files.read_bytes(path)
    actual = hashlib.sha256(data).hexdigest()
    _remember(path, before, actual)
    if actual != sha256:
        raise InputError(f"{path} is damaged, it is not as it was written: {AGAIN}")
    return data


def _sha256(path: epath.Path) -> str:
    """Returns a file's SHA-256, in hex; computed once while the file is unchanged."""
    if (known := _known_sha256(path)) is not None:
        return known
    before = _stat(path)
    sha256 = files.sha256(path)
    _remember(path, before, sha256)
    return sha256


def _known_sha256(path: epath.Path) -> str | None:
    stat, sha256 = _hashed.get(os.fspath(path), (None, None))
    return sha256 if stat is not None and stat == _stat(path) else None


def _remember(path: epath.Path, stat: tuple, sha256: str) -> None:
    if time.time() - stat[1] / 1e9 > _SETTLED_S:
        _hashed[os.fspath(path)] = stat, sha256


def _stat(path: epath.Path) -> tuple:
    """Size, times in ns and inode: one changes when a file is written again."""
    if files.is_remote(path):
        stat = path.stat()
        return stat.length, int(stat.mtime * 1e9)
    stat_result = os.stat(path)
    return (
        stat_result.st_size,
        stat_result.st_mtime_ns,
        stat_result.st_ctime_ns,
        stat_result.st_ino,
    )
