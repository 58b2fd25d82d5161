"""Scatter of rows: a covariance and its inverse, also for fewer rows than columns.

The covariance is shrunken towards a multiple of the identity, as Ledoit and Wolf (2004)
do: with few rows its small eigenvalues are far too small, and their inverses would
amplify noise.
"""

import dataclasses

import numpy as np
from sklearn.covariance import ledoit_wolf_shrinkage

LEAST_SHRINKAGE = 1e-3  # keeps the scatter invertible (ours)
ROUNDING = 1e-12  # of the largest sum of squares


@dataclasses.dataclass(frozen=True)
class Scatter:
    """A shrunken covariance, never built as a D x D matrix.

    Attributes:
      directions: [D, r] float64 orthonormal, in which rows scatter.
      scales: [r] float64, standard deviations along them.
      rest: the standard deviation along all other directions.
    """

    directions: np.ndarray
    scales: np.ndarray
    rest: float

    @classmethod
    def fit(cls, residuals: np.ndarray) -> "Scatter":
        """Measures the scatter.

        Args:
          residuals: [n, D] float64, rows without their mean.

        Returns:
          The scatter; 1 in all directions if rows do not scatter at all.
        """
        variance = np.square(residuals).mean()
        if variance == 0:
            return cls(np.zeros((residuals.shape[1], 0)), np.ones(0), 1.0)
        shrinkage = max(
            ledoit_wolf_shrinkage(residuals, assume_centered=True), LEAST_SHRINKAGE
        )
        squares, directions = principal(residuals)
        rest = shrinkage * variance
        spread = rest + (1 - shrinkage) * squares / len(residuals)
        return cls(directions, np.sqrt(spread), float(np.sqrt(rest)))

    def whitened(self, offsets: np.ndarray) -> np.ndarray:
        """Returns rows in coordinates in which the scatter is 1 in all directions.

        Args:
          offsets: [N, D] float32 or float64.

        Returns:
          [N, D] of the same type, in an arbitrary rotation; lengths and angles are
          defined.
        """
        dtype = offsets.dtype
        along = offsets @ self.directions.astype(dtype)
        if len(self.scales) == offsets.shape[1]:
            return along / self.scales.astype(dtype)
        along *= (1 / self.scales - 1 / self.rest).astype(dtype)
        return offsets / dtype.type(self.rest) + along @ self.directions.T.astype(dtype)


def principal(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns directions [D, r] of rows [N, D], and sums of squares [r] ascending."""
    count, width = rows.shape
    if count >= width:
        squares, directions = np.linalg.eigh((rows.T @ rows).astype(np.float64))
        return np.maximum(squares, 0), directions
    squares, mixtures = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    kept = squares > ROUNDING * max(squares[-1], np.finfo(float).tiny)
    squares, mixtures = squares[kept], mixtures[:, kept]
    return squares, rows.T @ (mixtures / np.sqrt(squares))
