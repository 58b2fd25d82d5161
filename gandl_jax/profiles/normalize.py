"""Normalisation as scikit-learn transformers, with plates as an explicit argument.

Each is fitted on reference rows only (the training part's controls) and then transforms
any rows. All computing is in float64; what comes out is float32.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from gandl_jax.errors import InputError, nearest

MIN_REFERENCE_ROWS = 5  # of a plate: fewer may be nearly equal by chance (ours)
MAD_TO_SD = 1.4826  # of normal values
CORAL_RIDGE = 0.5  # added to a covariance's diagonal, as used with RxRx19a and RxRx3
_CONSTANT = 1e-6  # of the mean: below float32's own rounding of a column (ours)
_SMALLEST = 1e-5  # of the largest component: below it lies rounding of float32 (ours)


def make(name: str) -> BaseEstimator:
    """The transformer of that name, not fitted.

    Args:
      name: "none", "standard", "robust", "whiten", "tvn" or "coral".

    Returns:
      A transformer: `fit(X, *, plates)` on reference rows, `transform(X, *, plates)`.

    Raises:
      InputError: there is none of that name.
    """
    if name not in _TRANSFORMERS:
        raise InputError(
            f"config.evaluate.normalize is {name!r}, which is no normalisation; "
            f"{nearest(name, _TRANSFORMERS)}"
        )
    return _TRANSFORMERS[name]()


class Unchanged(TransformerMixin, BaseEstimator):
    """Leaves features as they are."""

    def fit(self, X, y=None, *, plates) -> "Unchanged":
        """Looks at nothing."""
        return self

    def transform(self, X, *, plates) -> np.ndarray:
        """[N, D] float32, as given."""
        return np.asarray(X, np.float32)


class _PlateTransformer(TransformerMixin, BaseEstimator):
    """What is done plate by plate; a subclass has `_apply(rows, plate)`."""

    def transform(self, X, *, plates) -> np.ndarray:
        """Transforms any rows.

        Args:
          X: [N, D] features.
          plates: [N] plate of each row.

        Returns:
          [N, d] float32.
        """
        check_is_fitted(self)
        return _by_plate(self._apply, X, plates, np.float32)


class PlateScaler(_PlateTransformer):
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
        parts = [X[member == p] for p in range(len(names))]
        centers = np.stack([self._center(part) for part in parts])
        scales = np.stack(
            [self._scale(x - c) for x, c in zip(parts, centers, strict=True)]
        )
        center, pooled = self._center(X), self._scale(X - centers[member])
        pooled = np.where(_constant(pooled, center), 1.0, pooled)
        enough = np.bincount(member) >= MIN_REFERENCE_ROWS
        self.plates_, centers, scales = names[enough], centers[enough], scales[enough]
        scales = np.where(_constant(scales, centers), pooled, scales)
        self.centers_ = np.vstack([centers, center])
        self.scales_ = np.vstack([scales, pooled])
        return self

    def _center(self, rows: np.ndarray) -> np.ndarray:
        return rows.mean(0)

    def _scale(self, residuals: np.ndarray) -> np.ndarray:
        return np.sqrt((residuals**2).mean(0))

    def _apply(self, rows: np.ndarray, plate: str) -> np.ndarray:
        found = np.flatnonzero(self.plates_ == plate)
        own = found[0] if len(found) else -1
        return (rows - self.centers_[own]) / self.scales_[own]


class RobustPlateScaler(PlateScaler):
    """Median and median absolute deviation per plate, x 1.4826; else as PlateScaler.

    A column of which more than half the values are equal has no such deviation and gets
    its standard deviation.
    """

    def _center(self, rows: np.ndarray) -> np.ndarray:
        return np.median(rows, axis=0)

    def _scale(self, residuals: np.ndarray) -> np.ndarray:
        deviation = MAD_TO_SD * np.median(np.abs(residuals), axis=0)
        return np.where(deviation > 0, deviation, super()._scale(residuals))


class Whitener(_PlateTransformer):
    """Centre and scale per plate, then PCA whitening (Kessy et al. 2018).

    z = x V sqrt(n - 1) / s, with x = U s V' the n reference rows after scaling. The
    components that are more than rounding are kept, at most n - 1.

    Attributes:
      scaler_: of the plates.
      mean_: [D] float64, of the scaled reference rows.
      components_: [D, d] float64: the covariance of the reference rows becomes I.
    """

    def fit(self, X, y=None, *, plates) -> "Whitener":
        """Measures plates and components on reference rows; as PlateScaler.fit."""
        self.scaler_ = PlateScaler().fit(X, plates=plates)
        scaled = _by_plate(self.scaler_._apply, X, plates, np.float64)
        self.mean_ = scaled.mean(0)
        rotation, spread = principal_components(scaled - self.mean_)
        self.components_ = rotation / spread
        return self

    def _apply(self, rows: np.ndarray, plate: str) -> np.ndarray:
        return (self.scaler_._apply(rows, plate) - self.mean_) @ self.components_


class TypicalVariation(_PlateTransformer):
    """Typical variation normalisation (Ando et al. 2017; Celik et al. 2024).

    Centre and scale per plate, rotate to the principal components of the reference
    rows, centre and scale those per plate: every direction of typical variation, large
    or small, gets unit variance.

    Attributes:
      scaler_: of the plates' features.
      components_: [D, d] float64, orthonormal columns.
      rescaler_: of the plates' components.
    """

    def fit(self, X, y=None, *, plates) -> "TypicalVariation":
        """Measures plates and components on reference rows; as PlateScaler.fit."""
        self.scaler_ = PlateScaler().fit(X, plates=plates)
        scaled = _by_plate(self.scaler_._apply, X, plates, np.float64)
        self.components_ = principal_components(scaled - scaled.mean(0))[0]
        rotated = scaled @ self.components_
        self.rescaler_ = PlateScaler().fit(rotated, plates=plates)
        return self

    def _apply(self, rows: np.ndarray, plate: str) -> np.ndarray:
        rotated = self.scaler_._apply(rows, plate) @ self.components_
        return self.rescaler_._apply(rotated, plate)


class Coral(_PlateTransformer):
    """Typical variation normalisation, then CORAL per batch (Sun et al. 2016).

    z = x S^(-1/2) T^(1/2): S is the covariance of the reference rows of a batch, T that
    of all, both with 0.5 on the diagonal added. A batch is an experiment; a plate named
    without one is a batch. With fewer than 5 reference rows: the first step only.

    Attributes:
      typical_: the first step.
      alignments_: batch to [d, d] float64.
    """

    def fit(self, X, y=None, *, plates) -> "Coral":
        """Measures plates and batches on reference rows; as PlateScaler.fit."""
        self.typical_ = TypicalVariation().fit(X, plates=plates)
        typical = _by_plate(self.typical_._apply, X, plates, np.float64)
        batches = np.array([_batch(plate) for plate in plates], dtype=str)
        parts = {batch: typical[batches == batch] for batch in np.unique(batches)}
        parts = {b: own for b, own in parts.items() if len(own) >= MIN_REFERENCE_ROWS}
        # Without any there is nothing to align: one row has no covariance.
        target = _power(_ridged_covariance(typical), 0.5) if parts else None
        self.alignments_ = {
            batch: _power(_ridged_covariance(own), -0.5) @ target
            for batch, own in parts.items()
        }
        return self

    def _apply(self, rows: np.ndarray, plate: str) -> np.ndarray:
        typical = self.typical_._apply(rows, plate)
        alignment = self.alignments_.get(_batch(plate))
        return typical if alignment is None else typical @ alignment


def principal_components(centered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The directions in which rows vary, by more than rounding.

    Args:
      centered: [n, D] float64 with column means 0.

    Returns:
      [D, d] orthonormal directions, the widest first, and [d] their standard deviations
      (n - 1 in the denominator).
    """
    # The singular values of R are those of the rows, without [n, D] vectors beside.
    rows = np.linalg.qr(centered, mode="r")
    _, values, directions = np.linalg.svd(rows, full_matrices=False)
    kept = values[: len(centered) - 1] > _SMALLEST * values[0]
    rank = max(1, int(kept.sum()))
    spread = values[:rank] / np.sqrt(max(len(centered) - 1, 1))
    return directions[:rank].T, np.where(spread > 0, spread, 1.0)


def _by_plate(
    apply: Callable[[np.ndarray, str], np.ndarray], X, plates, dtype: type
) -> np.ndarray:
    """Applies a function to the rows of each plate, in float64; [N, d] of a dtype."""
    X = np.asarray(X)
    member, names = pd.factorize(np.asarray(plates, dtype=object))
    result = None
    for number, plate in enumerate(names):
        rows = member == number
        block = apply(X[rows].astype(np.float64), str(plate))
        if result is None:
            result = np.empty((len(X), block.shape[1]), dtype)
        result[rows] = block
    return np.empty((0, X.shape[1]), dtype) if result is None else result


def _constant(scale: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """A column so narrow that its spread is rounding, not signal."""
    return scale <= _CONSTANT * np.abs(mean)


def _batch(plate: str) -> str:
    """The experiment of "EXPERIMENT/PLATE"."""
    return str(plate).rpartition("/")[0] or str(plate)


def _ridged_covariance(rows: np.ndarray) -> np.ndarray:
    own = np.atleast_2d(np.cov(rows, rowvar=False))
    return own + CORAL_RIDGE * np.eye(len(own))


def _power(symmetric: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(symmetric)
    return (vectors * values**exponent) @ vectors.T


_TRANSFORMERS = {
    "none": Unchanged,
    "standard": PlateScaler,
    "robust": RobustPlateScaler,
    "whiten": Whitener,
    "tvn": TypicalVariation,
    "coral": Coral,
}
