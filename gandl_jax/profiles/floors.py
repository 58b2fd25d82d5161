"""Floors: sets made of images without a network, and what needs no image at all.

A record's plate, or its place on it, would tell the latter.
"""

import numpy as np
import pandas as pd
from scipy import sparse

from gandl_jax.profiles import table

INTENSITY, CLASSICAL = "intensity", "classical"
OF_IMAGES = (CLASSICAL, INTENSITY)  # made by --job=embed, per screen; the higher first


def make(metadata: pd.DataFrame) -> dict[str, sparse.csr_matrix]:
    """Identities as features: a score that they reach has nothing to do with cells.

    Args:
      metadata: [N] rows of Metadata_* columns.

    Returns:
      "plate": [N, P] float32, one column per plate; "position": [N, Q] float32, one
      column per well name, per row and per column of wells, the same on all plates.
      Rows have length 1. Without a column Metadata_Plate or Metadata_Well that floor
      is not there.
    """
    found = {}
    if "Metadata_Plate" in metadata:
        found["plate"] = _one_hot(table.plates(metadata))
    if "Metadata_Well" in metadata:
        names = metadata["Metadata_Well"].astype(str).to_numpy(object)
        places = {name: table.parse_well(name) for name in np.unique(names)}
        sides = [np.array([places[name][i] for name in names]) for i in (0, 1)]
        parts = [_one_hot(values) for values in (names, *sides)]
        found["position"] = sparse.hstack(parts, "csr") / np.float32(np.sqrt(3))
    return found


def _one_hot(values: np.ndarray) -> sparse.csr_matrix:
    codes, names = pd.factorize(values, sort=True)
    # liblinear takes 32-bit places only.
    places = codes.astype(np.int32), np.arange(len(codes) + 1, dtype=np.int32)
    ones = np.ones(len(codes), np.float32)
    return sparse.csr_matrix((ones, *places), shape=(len(codes), len(names)))
