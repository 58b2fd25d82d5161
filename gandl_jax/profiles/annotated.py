"""A feature set as an AnnData file (.h5ad), as single-cell tools read it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files
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
    obs = one.metadata.assign(**one.seen.in_words())
    obs = obs.set_axis(_plain_text(table.record_ids(one.metadata)))
    for title in obs.select_dtypes(exclude="number"):
        known = _plain_text(sorted(obs[title].astype(str).unique()))
        obs[title] = pd.Categorical(obs[title].astype(str), categories=known)
    columns = [f"{one.short_name}__{i}" for i in range(one.features.shape[1])]
    var = pd.DataFrame(index=_plain_text(columns))
    if measurements:
        var["measurement"] = _plain_text(measurements)
    made = anndata.AnnData(
        X=np.asarray(one.features, np.float32),
        obs=obs,
        var=var,
        uns={PROVENANCE: json.dumps(provenance)},
    )
    with files.partial(path) as beside:
        made.write_h5ad(beside)


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
