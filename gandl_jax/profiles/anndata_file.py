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
    feature_set: FeatureSet,
    provenance: Mapping[str, Any],
    measurements: Sequence[str] = (),
) -> None:
    """Writes a set whole or not at all.

    X is [N, D] float32; obs has the Metadata_* columns, indexed by the records' names,
    and what the encoder saw of each in training (seen_images "yes", "no" or "unknown";
    seen_labels the columns learnt, "" for none, or "unknown"); var names are <set>__<i>
    as in the Parquet files.

    Args:
      path: of the file; its folder must exist.
      feature_set: the set.
      provenance: plain data, kept as JSON in uns["gandl_jax"].
      measurements: [D] what each column measures, kept in var; () if not known.
    """
    obs = feature_set.metadata.assign(**feature_set.seen.in_words())
    obs = obs.set_axis(_plain_text(table.record_ids(feature_set.metadata)))
    for title in obs.select_dtypes(exclude="number"):
        known = _plain_text(sorted(obs[title].astype(str).unique()))
        obs[title] = pd.Categorical(obs[title].astype(str), categories=known)
    columns = [
        f"{feature_set.short_name}__{i}" for i in range(feature_set.features.shape[1])
    ]
    var = pd.DataFrame(index=_plain_text(columns))
    if measurements:
        var["measurement"] = _plain_text(measurements)
    annotated = anndata.AnnData(
        X=np.asarray(feature_set.features, np.float32),
        obs=obs,
        var=var,
        uns={PROVENANCE: json.dumps(provenance)},
    )
    with files.partial(path) as partial_path:
        annotated.write_h5ad(partial_path)


def _plain_text(names: Iterable[str]) -> pd.Index:
    """Returns text as objects: anndata cannot write Arrow's strings."""
    return pd.Index(names, dtype=object)


def provenance(path: epath.PathLike) -> dict[str, Any] | None:
    """Reads what a file was made from, without its features; None for other files.

    Args:
      path: of an .h5ad file; it need not exist.
    """
    if not epath.Path(path).exists():
        return None
    try:
        with files.reading(path) as raw, h5py.File(raw, "r") as file:
            return files.parse_json(file["uns"][PROVENANCE][()])
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        return None
