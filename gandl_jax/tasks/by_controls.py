"""Features as control wells are alike: normalisation where nothing is learnt."""

import dataclasses

import numpy as np
import pandas as pd

from gandl_jax.profiles import normalize, table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import remarks


@dataclasses.dataclass(frozen=True)
class Reference:
    """What features are normalised by.

    Attributes:
      rows: [R] int, of controls; without any, of all that is judged.
      by_plate: whether each plate is normalised by itself: not without controls, for a
        plate's own mean is what its treatments do.
    """

    rows: np.ndarray
    by_plate: bool

    def words(self, how: str) -> str:
        """How it normalises: "standard", "standard, all plates together"."""
        together = "" if self.by_plate or how == "none" else ", all plates together"
        return how + together


def reference(controls: np.ndarray, otherwise: np.ndarray) -> Reference:
    """The controls [R] int where there are any, otherwise other rows."""
    some = len(controls) > 0
    return Reference(controls if some else otherwise, some)


def normalized(
    one: FeatureSet, rows: np.ndarray, by: Reference, how: str
) -> np.ndarray:
    """Normalises some rows of a set.

    Args:
      one: of N records or wells.
      rows: [n] int, those that are wanted.
      by: whose rows are of the same set.
      how: a name that `normalize.make` knows.

    Returns:
      [n, d] float32.
    """
    plates = _plates(one.metadata, by)
    scaler = normalize.make(how).fit(one.features[by.rows], plates=plates[by.rows])
    remarks.add(one.name, how, scaler.doubts())
    return scaler.transform(one.features[rows], plates=plates[rows])


def _plates(metadata: pd.DataFrame, by: Reference) -> np.ndarray:
    return table.plates(metadata) if by.by_plate else np.full(len(metadata), "all")
