"""Floors: sets made of images without a network, and sets that need no image at all.

The latter hold a record's plate, or its position on it.
"""

import numpy as np
import pandas as pd
from scipy import sparse

from gandl_jax.profiles import table

INTENSITY, CLASSICAL = "intensity", "classical"
OF_IMAGES = (CLASSICAL, INTENSITY)  # made by --job=embed, per screen; the higher first


def make(metadata: pd.DataFrame) -> dict[str, sparse.csr_matrix]:
    """Encodes plates and positions as features: their scores do not come from cells.

    Args:
      metadata: [N] rows of Metadata_* columns.

    Returns:
      "plate": [N, P] float32, one column per plate; "position": [N, Q] float32, one
      column per well name, per row and per column of wells, the same on all plates.
      Rows have length 1. Without the column Metadata_Plate or Metadata_Well its floor
      is left out.
    """
    floors = {}
    if "Metadata_Plate" in metadata:
        floors["plate"] = _one_hot(table.plates(metadata))
    if "Metadata_Well" in metadata:
        wells = metadata["Metadata_Well"].astype(str).to_numpy(object)
        row_and_column = {well: table.parse_well(well) for well in np.unique(wells)}
        sides = [np.array([row_and_column[well][i] for well in wells]) for i in (0, 1)]
        blocks = [_one_hot(values) for values in (wells, *sides)]
        floors["position"] = sparse.hstack(blocks, "csr") / np.float32(np.sqrt(3))
    return floors


def _one_hot(values: np.ndarray) -> sparse.csr_matrix:
    codes, names = pd.factorize(values, sort=True)
    # liblinear takes 32-bit indices only.
    indices = codes.astype(np.int32), np.arange(len(codes) + 1, dtype=np.int32)
    ones = np.ones(len(codes), np.float32)
    return sparse.csr_matrix((ones, *indices), shape=(len(codes), len(names)))
