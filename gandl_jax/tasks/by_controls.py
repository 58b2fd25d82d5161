"""Normalisation by control wells, for tasks that learn nothing."""

import dataclasses

import numpy as np
import pandas as pd

from gandl_jax.profiles import normalize, table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import remarks


@dataclasses.dataclass(frozen=True)
class Reference:
    """Records by which features are normalised.

    Attributes:
      rows: [R] int, controls; without any, all judged records.
      by_plate: whether each plate is normalised separately: only with controls, for a
        plate's own mean includes the effect of its treatments.
    """

    rows: np.ndarray
    by_plate: bool

    def describe(self, normalization: str) -> str:
        """Describes it: "standard", "standard, all plates together"."""
        together = (
            "" if self.by_plate or normalization == "none" else ", all plates together"
        )
        return normalization + together


def reference(controls: np.ndarray, others: np.ndarray) -> Reference:
    """Makes a reference of the controls [R] int or, without any, of other rows."""
    has_controls = len(controls) > 0
    return Reference(controls if has_controls else others, has_controls)


def normalized(
    feature_set: FeatureSet, rows: np.ndarray, by: Reference, normalization: str
) -> np.ndarray:
    """Normalises some rows of a set.

    Args:
      feature_set: of N records or wells.
      rows: [n] int, the wanted rows.
      by: reference, rows of the same set.
      normalization: a name that `normalize.make` knows.

    Returns:
      [n, d] float32.
    """
    plates = _plates(feature_set.metadata, by)
    scaler = normalize.make(normalization).fit(
        feature_set.features[by.rows], plates=plates[by.rows]
    )
    remarks.add(feature_set.name, normalization, scaler.doubts())
    return scaler.transform(feature_set.features[rows], plates=plates[rows])


def _plates(metadata: pd.DataFrame, by: Reference) -> np.ndarray:
    return table.plates(metadata) if by.by_plate else np.full(len(metadata), "all")
