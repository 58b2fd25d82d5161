"""Standardisation of features, by real images that are compared with nothing."""

import dataclasses

import numpy as np

FARTHEST = 10.0  # deviations at which values are clipped (ours)
NARROW = 1e-6  # share of the largest value; smaller deviations are float32's rounding


@dataclasses.dataclass(frozen=True)
class Scale:
    """Scale of features.

    Attributes:
      mean: [D] float64.
      deviation: [D] float64.
      kept: [D] bool, columns that differ between the images.
    """

    mean: np.ndarray
    deviation: np.ndarray
    kept: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Scales [N, D] values to [N, d] float64; undefined ones count as the mean."""
        columns = np.asarray(values, np.float64)[:, self.kept]
        scaled = (columns - self.mean[self.kept]) / self.deviation[self.kept]
        return np.nan_to_num(scaled, nan=0.0).clip(-FARTHEST, FARTHEST)


def scale_of(values: np.ndarray) -> Scale:
    """Computes the scale of [N, D] features, of which some may be undefined."""
    values = np.asarray(values, np.float64)
    is_finite = np.isfinite(values)
    counts = np.maximum(is_finite.sum(0), 1)
    known = np.where(is_finite, values, 0)
    mean = known.sum(0) / counts
    deviation = np.sqrt((np.square(known - mean) * is_finite).sum(0) / counts)
    return Scale(mean, deviation, deviation > NARROW * np.abs(known).max(0))
