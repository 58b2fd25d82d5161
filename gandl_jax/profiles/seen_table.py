"""Table of what an encoder saw of each record, beside the profiles it made.

The note of a feature set says whether its encoder saw the images, and which label it
learnt. If records differ in that, `_trained_on.parquet` has a row for each
(`record_id`, `seen_images`, `seen_labels`), and the note has the digest of the table's
contents.
"""

import hashlib
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError
from gandl_jax.profiles import part_file
from gandl_jax.profiles.feature_set import step
from gandl_jax.profiles.seen import Seen
from gandl_jax.profiles.table import record_ids

FILE = "_trained_on.parquet"  # readers of Parquet folders pass over _*
KEY = "trained_on_sha256"  # in the note
COLUMNS = ["record_id", "seen_images", "seen_labels"]


def make(metadata: pd.DataFrame, seen: Seen) -> pd.DataFrame:
    """Makes the table of [N] records with Metadata_Record_ID, sorted by their names."""
    columns = (record_ids(metadata), seen.images, seen.labels)
    table = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), dtype=object)
    return table.sort_values("record_id", ignore_index=True)


def digest(table: pd.DataFrame) -> str:
    """SHA-256, in hex, of a table's contents, however its file is written."""
    sha256 = hashlib.sha256()
    for row in table[COLUMNS].itertuples(index=False, name=None):
        sha256.update(repr(row).encode())
    return sha256.hexdigest()


def write(directory: epath.Path, table: pd.DataFrame) -> None:
    """Writes the table of a feature set, whole or not at all."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    files.replace(directory / FILE, buffer.getvalue())


def find_damage(directory: epath.Path, note: Mapping[str, Any]) -> str | None:
    """Describes what is wrong with the table that a note names; None if nothing is."""
    if KEY not in note:
        return None
    try:
        _read(directory, note[KEY])
    except ValueError as error:
        return f"{FILE} {error}"
    return None


def read(
    directory: epath.Path, note: Mapping[str, Any], metadata: pd.DataFrame
) -> Seen:
    """Reads what the encoder of a feature set saw.

    Args:
      directory: of the set.
      note: of the set.
      metadata: [N] rows of the records wanted.

    Raises:
      InputError: the table is damaged, or lacks a record.
    """
    if KEY not in note:
        # Sets without this key were written by former versions.
        trained = (step(directory.name) or 0) > 0
        return Seen.from_note(len(metadata), {"saw_images": trained, **note})
    try:
        table = _read(directory, note[KEY])
    except ValueError as error:
        message = f"{directory / FILE} {error}: {part_file.AGAIN}"
        raise InputError(message) from error
    ids = record_ids(metadata, table_name=directory.name)
    positions = pd.Index(table["record_id"]).get_indexer(ids)
    if (positions < 0).any():
        lost = ids[int(np.argmin(positions))]
        raise InputError(f"{directory / FILE} lacks the record {lost!r}")
    return Seen(*(table[name].to_numpy(object)[positions] for name in COLUMNS[1:]))


def _read(directory: epath.Path, expected: str) -> pd.DataFrame:
    """Reads the table, with None for missing values.

    Raises:
      ValueError: it is missing, or not as it was written.
    """
    path = directory / FILE
    if not path.exists():
        raise ValueError("is missing")
    try:
        table = pd.read_parquet(io.BytesIO(files.read_bytes(path)))[COLUMNS]
    except (ValueError, KeyError, OSError) as error:
        raise ValueError("is damaged") from error
    table = table.astype(object).where(table.notna(), None)
    if digest(table) != expected:
        raise ValueError("is not as it was written")
    return table
