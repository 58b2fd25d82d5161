"""What an encoder saw of each record, in a table beside the profiles it made.

The note of a feature set says whether its encoder saw the images, and which label it
learnt. Where that is not so of all records alike, it is told of each in
`_trained_on.parquet` (`record_id`, `seen_images`, `seen_labels`), and the note has the
digest of what the table says.
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
    """The table of [N] records with Metadata_Record_ID, in the order of their names."""
    columns = (record_ids(metadata), seen.images, seen.labels)
    made = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), dtype=object)
    return made.sort_values("record_id", ignore_index=True)


def digest(table: pd.DataFrame) -> str:
    """SHA-256, in hex, of what a table says, however its file is written."""
    found = hashlib.sha256()
    for row in table[COLUMNS].itertuples(index=False, name=None):
        found.update(repr(row).encode())
    return found.hexdigest()


def write(directory: epath.Path, table: pd.DataFrame) -> None:
    """Writes the table of a feature set, whole or not at all."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    files.replace(directory / FILE, buffer.getvalue())


def find_damage(directory: epath.Path, note: Mapping[str, Any]) -> str | None:
    """Says what is wrong with the table that a note tells of; None if nothing is."""
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
    """What the encoder of a feature set saw.

    Args:
      directory: of the set.
      note: of the set.
      metadata: [N] rows of the records that are asked for.

    Raises:
      InputError: the table is damaged, or lacks a record.
    """
    if KEY not in note:
        # Sets that do not say it are older than the question.
        trained = (step(directory.name) or 0) > 0
        return Seen.from_note(len(metadata), {"saw_images": trained, **note})
    try:
        table = _read(directory, note[KEY])
    except ValueError as error:
        message = f"{directory / FILE} {error}: {part_file.AGAIN}"
        raise InputError(message) from error
    ids = record_ids(metadata, of=directory.name)
    places = pd.Index(table["record_id"]).get_indexer(ids)
    if (places < 0).any():
        lost = ids[int(np.argmin(places))]
        raise InputError(f"{directory / FILE} lacks the record {lost!r}")
    return Seen(*(table[name].to_numpy(object)[places] for name in COLUMNS[1:]))


def _read(directory: epath.Path, expected: str) -> pd.DataFrame:
    """The table, of which no value is missing but None.

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
