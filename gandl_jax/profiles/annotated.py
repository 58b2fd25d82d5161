"""A feature set as an AnnData file (.h5ad), as single-cell tools read it."""

import json
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import zarr
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError
from gandl_jax.profiles import table
from gandl_jax.profiles.feature_set import FeatureSet

PROVENANCE = "gandl_jax"  # the entry of `uns`: JSON


def write(
    path: epath.PathLike,
    one: FeatureSet,
    provenance: Mapping[str, Any],
    measurements: Sequence[str] = (),
) -> None:
    """Writes a set whole or not at all.

    X is [N, D] float32; obs the Metadata_* columns under the records' names, and what
    the encoder saw of each in training (seen_images "yes", "no" or "unknown";
    seen_labels the columns learnt, "" for none, or "unknown"); var names are <set>__<i>
    as in the Parquet files.

    Args:
      path: of the file; its folder must exist.
      one: the set.
      provenance: plain data, kept as JSON in uns["gandl_jax"].
      measurements: [D] what the columns measure, kept in var; () where nothing says so.
    """
    made = _made(one, provenance, measurements)
    with files.partial(path) as beside:
        made.write_h5ad(beside)


def write_zarr(
    path: epath.PathLike,
    one: FeatureSet,
    provenance: Mapping[str, Any],
    measurements: Sequence[str] = (),
    *,
    zarr_format: int,
) -> None:
    """Writes a set as `write` does, as a folder of Zarr, over such a one before it.

    Args:
      path: of the folder, on a disk; its parent must exist.
      one: the set.
      provenance: plain data.
      measurements: as `write`.
      zarr_format: 2 or 3.

    Raises:
      InputError: something else lies there.
    """
    path = epath.Path(path)
    if path.exists() and zarr_provenance(path) is None:
        raise InputError(f"{path} is no table of ours: move it away")
    made = _made(one, provenance, measurements)
    beside = path.parent / f".{path.name}.partial"
    beside.rmtree(missing_ok=True)
    with (
        anndata.settings.override(zarr_write_format=zarr_format),
        warnings.catch_warnings(),
    ):
        # That Zarr 3 has no consolidated metadata yet, which anndata writes as well.
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        made.write_zarr(os.fspath(beside))
    path.rmtree(missing_ok=True)
    beside.rename(path)


def zarr_provenance(path: epath.PathLike) -> dict[str, Any] | None:
    """Reads what a folder of `write_zarr` was made from; None where it is none."""
    if not epath.Path(path).is_dir():
        return None
    try:
        stored = zarr.open_group(os.fspath(path), mode="r")["uns"][PROVENANCE]
        return files.parse_json(str(stored[()]))
    except (OSError, KeyError, TypeError, ValueError):
        return None


def _made(
    one: FeatureSet, provenance: Mapping[str, Any], measurements: Sequence[str]
) -> anndata.AnnData:
    obs = one.metadata.assign(**one.seen.in_words())
    obs = obs.set_axis(_plain_text(table.record_ids(one.metadata)))
    for title in obs.select_dtypes(exclude="number"):
        known = _plain_text(sorted(obs[title].astype(str).unique()))
        obs[title] = pd.Categorical(obs[title].astype(str), categories=known)
    columns = [f"{one.short_name}__{i}" for i in range(one.features.shape[1])]
    var = pd.DataFrame(index=_plain_text(columns))
    if measurements:
        var["measurement"] = _plain_text(measurements)
    return anndata.AnnData(
        X=np.asarray(one.features, np.float32),
        obs=obs,
        var=var,
        uns={PROVENANCE: json.dumps(provenance)},
    )


def _plain_text(names: Iterable[str]) -> pd.Index:
    """Text as objects: anndata does not write Arrow's, which pandas prefers."""
    return pd.Index(names, dtype=object)


def provenance(path: epath.PathLike) -> dict[str, Any] | None:
    """What a file was made from, without reading its features; None where it is none.

    Args:
      path: of an .h5ad file, or of nothing.
    """
    if not epath.Path(path).exists():
        return None
    try:
        with files.reading(path) as raw, h5py.File(raw, "r") as file:
            return files.parse_json(file["uns"][PROVENANCE][()])
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        return None
