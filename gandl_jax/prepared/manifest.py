"""Manifest of a prepared screen: digests of its files, and its counts.

It is a part of the description. Imports nothing slow.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.prepared.description import TFDS_METADATA
from gandl_jax.prepared.prepared import ILLUMINATION, ODD_IMAGES, RECORDS, plates


def digest(path: epath.PathLike) -> dict[str, Any]:
    """Returns a file's SHA-256, in hex, and its size: {"sha256": str, "bytes": int}."""
    return {"sha256": files.sha256(path), "bytes": epath.Path(path).stat().length}


def make(
    directory: epath.PathLike,
    shards: Mapping[str, Mapping[str, Any]],
    table: pd.DataFrame,
    channels: Sequence[str],
) -> dict[str, Any]:
    """Makes the manifest, once the table of records is written.

    Args:
      directory: of the prepared screen.
      shards: file name to "sha256", "bytes" and "records".
      table: N rows of `Metadata_*` columns.
      channels: names; each record has an image of every one.

    Returns:
      "files": by name the shards, the table of records, the illumination, the list of
      images that stand out and TFDS's files;
      "records_per_plate", "records_per_condition", "records_per_channel": name to a
      number. The first two are {} if the screen has no such column.
    """
    folder = epath.Path(directory)
    more = {RECORDS: digest(folder / RECORDS) | {"records": len(table)}}
    for name in (ILLUMINATION, ODD_IMAGES, *TFDS_METADATA):
        if (folder / name).exists():
            more[name] = digest(folder / name)
    return {
        "files": {**shards, **more},
        "records_per_plate": _counts(plates(table)),
        "records_per_condition": _counts(table.get("Metadata_Condition")),
        "records_per_channel": dict.fromkeys(channels, len(table)),
    }


def _counts(names: Any) -> dict[str, int]:
    if names is None:
        return {}
    counts = pd.Series(names).astype(str).value_counts().sort_index()
    return {name: int(count) for name, count in counts.items()}
