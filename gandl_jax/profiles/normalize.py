"""Normalisation as scikit-learn transformers, with plates as an explicit argument."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

MIN_REFERENCE_ROWS = 5  # of a plate: fewer may be nearly equal by chance (ours)
_CONSTANT = 1e-6  # of the mean: below float32's own rounding of a column (ours)


class PlateScaler(TransformerMixin, BaseEstimator):
    """Centre and scale per plate, as measured on each plate's reference rows.

    A plate with fewer than 5 reference rows gets the pooled centre (mean of all
    reference rows) and the pooled scale (standard deviation within plates): two rows
    that are nearly equal would blow all others up. A column that is constant
    on a plate gets the pooled scale, and 1 where it is constant on all.

    Attributes:
      plates_: [P] plates with enough reference rows.
      centers_: [P + 1, D] float64; the last row is the pooled one.
      scales_: [P + 1, D] float64 > 0.
    """

    def fit(self, X, y=None, *, plates) -> "PlateScaler":
        """Measures centre and scale on reference rows.

        Args:
          X: [n, D] features of the reference rows only: the training part's controls.
          y: ignored.
          plates: [n] plate of each row.

        Returns:
          The scaler itself.
        """
        X = np.asarray(X, np.float64)
        names, member = np.unique(np.asarray(plates, dtype=str), return_inverse=True)
        counts = np.bincount(member)[:, None]
        means = np.stack([X[member == p].mean(0) for p in range(len(counts))])
        variances = np.stack([X[member == p].var(0) for p in range(len(counts))])
        pooled = np.sqrt((counts * variances).sum(0) / counts.sum())
        center = X.mean(0)
        pooled = np.where(_constant(pooled, center), 1.0, pooled)
        enough = counts[:, 0] >= MIN_REFERENCE_ROWS
        self.plates_, means = names[enough], means[enough]
        self.centers_ = np.vstack([means, center])
        scales = np.sqrt(variances[enough])
        scales = np.where(_constant(scales, means), pooled, scales)
        self.scales_ = np.vstack([scales, pooled])
        return self

    def transform(self, X, *, plates) -> np.ndarray:
        """Centres and scales any rows.

        Args:
          X: [N, D] features.
          plates: [N] plate of each row.

        Returns:
          [N, D] float32, in standard deviations of the reference rows.
        """
        check_is_fitted(self)
        X, plates = np.asarray(X), np.asarray(plates, dtype=str)
        scaled = np.empty(X.shape, np.float32)
        measured = {plate: row for row, plate in enumerate(self.plates_)}
        for plate in np.unique(plates):
            rows, known = plates == plate, measured.get(plate, -1)
            scaled[rows] = (X[rows] - self.centers_[known]) / self.scales_[known]
        return scaled


def _constant(scale: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """A column so narrow that its spread is rounding, not signal."""
    return scale <= _CONSTANT * np.abs(mean)
