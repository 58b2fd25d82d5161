"""Compares a raw screen's table that changed after its shards were written.

Shards keep the text of the table that they were written from. Names of records, images
and counted plates must stay; all other columns may change, come and go.
"""

import dataclasses
import hashlib
import io
from collections.abc import Callable, Collection, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError
from gandl_jax.prepared.prepared import SOURCE_TABLE
from gandl_jax.raw.screen import Screen, record_ids


def digest(stored: pd.DataFrame) -> str:
    """Returns the SHA-256, in hex, of a table's text; [N] rows, in stored order."""
    return hashlib.sha256(stored.to_csv(index=False).encode()).hexdigest()


def written_from(
    folder: epath.Path, wanted: str | None, orders: Callable[[int], np.ndarray]
) -> pd.DataFrame | None:
    """Reads the table that the shards of a folder were written from.

    Args:
      folder: of the prepared screen, complete or not.
      wanted: its `digest` in the plan.
      orders: gives for N records [N] int64, the table's rows in stored order.

    Returns:
      [N] rows, all str; None if the table is missing, or another one.
    """
    try:
        stored = pd.read_parquet(io.BytesIO(files.read_bytes(folder / SOURCE_TABLE)))
    except (OSError, pa.ArrowException, ValueError):
        return None
    if digest(stored) != wanted:
        return None
    return stored.iloc[np.argsort(orders(len(stored)))].reset_index(drop=True)


def in_order_of(
    before: pd.DataFrame,
    now: pd.DataFrame,
    spec: Screen,
    plates: Collection[str],
    folder: epath.Path,
) -> pd.DataFrame:
    """Sorts the rows of the present table like the former one.

    Args:
      before: [N] rows that the shards were written from.
      now: the present table's rows that are to be prepared.
      spec: of the screen.
      plates: the columns by which pixels were counted.
      folder: of the prepared screen, for the message.

    Raises:
      InputError: the tables have different records, or some have other images or
        plates.
    """
    former, current = (record_ids(spec, metadata) for metadata in (before, now))
    new, gone = set(current) - set(former), set(former) - set(current)
    if new or gone:
        raise _refusal(
            folder,
            f"{len(new):,} of its records are new, {len(gone):,} are gone, such as "
            f"{min(new or gone)!r}",
        )
    sorted_rows = now.set_index(current).loc[former].reset_index(drop=True)
    fixed = dict.fromkeys([*spec.key, *spec.file_columns, *filter(None, plates)])
    for column in fixed:
        if column not in now:
            raise _refusal(folder, f"its column {column!r} is gone")
        changed = (sorted_rows[column] != before[column]).to_numpy()
        if changed.any():
            first = int(changed.argmax())
            raise _refusal(
                folder,
                f"{int(changed.sum()):,} cells of the column {column!r}, which names "
                f"records, images or plates, are others, such as "
                f"{sorted_rows[column].iloc[first]!r} for "
                f"{before[column].iloc[first]!r}",
            )
    return sorted_rows


def _refusal(folder: epath.Path, difference: str) -> InputError:
    return InputError(
        f"{folder} (config.data.dir) was prepared from another table: {difference}; "
        "choose another data.dir, or go back to that table"
    )


def as_shards_need_it(spec: Screen, columns: Sequence[str]) -> Screen:
    """Returns the spec with only the columns that its shards were written with.

    Shards hold no labels or controls, which may be in newer columns.
    """
    present_columns = {
        name: column for name, column in spec.columns.items() if column in columns
    }
    return dataclasses.replace(
        spec,
        columns=present_columns,
        response_0=None,
        response_1=None,
        treated=None,
        known_where={},
        parts=None,
    )
