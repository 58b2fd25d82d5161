"""Normalisation as scikit-learn transformers, with plates as an explicit argument.

Each is fitted on reference rows only (controls of the training records) and then
transforms any rows. All computing is in float64; results are float32.

A spread from few or nearly constant rows is not trusted: another replaces it, or the
column is left out, or the covariance is shrunken. `doubts` lists these cases.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles.scatter import Scatter

MIN_REFERENCE_ROWS = 5  # of a plate: fewer may be nearly equal by chance (ours)
MAD_TO_SD = 1.4826  # of normal values
CORAL_RIDGE = 0.5  # added to a covariance's diagonal, as used with RxRx19a and RxRx3
_CONSTANT = 1e-6  # of the mean: below float32's own rounding of a column (ours)
_SMALLEST = 1e-5  # of the largest component: below it lies rounding of float32 (ours)
# Of the usual spread of a column: one below it is no measure of other rows. Of five
# normal rows 1 in 50,000 has a standard deviation as small (chi square; ours).
NARROW = 1 / 20
# Standard deviations: no value lies farther out. Of any distribution at most 1 value in
# 10,000 does (Chebyshev; ours).
FARTHEST = 100.0
ROWS_PER_COMPONENT = 2  # free reference rows; of fewer a covariance is shrunken (ours)
_SHOWN = 5  # of the columns or plates that a doubt names


@dataclasses.dataclass(frozen=True)
class Doubt:
    """A case where a normalisation could not do what its name says.

    Attributes:
      kind: name of the problem; only the largest doubt of a kind is reported.
      amount: its size: columns, plates, standard deviations ...
      sentence: says what is wrong, without a full stop.
    """

    kind: str
    amount: float
    sentence: str


def largest(doubts: Iterable[Doubt]) -> list[Doubt]:
    """Keeps the largest doubt of each kind."""
    worst: dict[str, Doubt] = {}
    for doubt in doubts:
        if doubt.kind not in worst or doubt.amount > worst[doubt.kind].amount:
            worst[doubt.kind] = doubt
    return list(worst.values())


def make(name: str) -> BaseEstimator:
    """Makes the transformer of that name, not fitted.

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
        """Returns [N, D] float32, as given."""
        return np.asarray(X, np.float32)

    def doubts(self) -> list[Doubt]:
        """Returns no doubts, as nothing is measured."""
        return []


class _PlateTransformer(TransformerMixin, BaseEstimator):
    """Transformer that works plate by plate; a subclass has `_apply(rows, plate)`."""

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

    def doubts(self) -> list[Doubt]:
        """Lists doubts of the fit, and of the rows that were transformed since."""
        steps = [
            value
            for value in vars(self).values()
            if isinstance(value, _PlateTransformer)
        ]
        own_doubts = list(getattr(self, "_doubts", {}).values())
        return largest(
            [*(doubt for step in steps for doubt in step.doubts()), *own_doubts]
        )

    _column = "column"

    def _names(self, columns: np.ndarray) -> str:
        return _some(columns, self._column)

    def _begin(self) -> None:
        self._doubts: dict[str, Doubt] = {}

    def _doubt(self, *doubts: Doubt) -> None:
        kept = largest([*self._doubts.values(), *doubts])
        self._doubts = {doubt.kind: doubt for doubt in kept}

    def _bounded(self, rows: np.ndarray, plate: str) -> np.ndarray:
        """Clips values that lie farther out than 100 standard deviations."""
        far = np.abs(rows)
        beyond = far > FARTHEST
        if not beyond.any():
            return rows
        columns = np.flatnonzero(beyond.any(0))
        self._doubt(
            Doubt(
                "bounded",
                float(far.max()),
                f"values in {self._names(columns)} of {rows.shape[1]} lie up to "
                f"{far.max():.3g} standard deviations of the reference records off "
                f"(plate {plate}) and are taken for {FARTHEST:g}",
            )
        )
        return np.clip(rows, -FARTHEST, FARTHEST)


class Known:
    """Measurements of records that scalers are fitted on again and again.

    Nearly all folds of a split fit the same records of a plate.

    Args:
      records: [n] int number of each row of the fit.
      measurements: results of all fits so far, shared by scalers of one class only.
    """

    def __init__(self, records: np.ndarray, measurements: dict[bytes, Any]):
        self._records, self._measurements = records, measurements

    def measured(self, measure: Callable) -> Callable:
        """Wraps `measure(X, rows)` so that it is called once for the same records."""

        def measured(X, rows):
            key = self._records[rows].tobytes()
            if key not in self._measurements:
                self._measurements[key] = measure(X, rows)
            return self._measurements[key]

        return measured


class PlateScaler(_PlateTransformer):
    """Centres and scales per plate, as measured on each plate's reference rows.

    A plate with fewer than 5 reference rows gets the pooled centre (mean of all
    reference rows) and the pooled scale (standard deviation within plates): two rows
    that are nearly equal would blow all others up. A column that is constant on a
    plate, or whose spread there is less than a twentieth of the plates' median, gets
    the pooled scale, too. If the pooled scale is less than a twentieth of the spread of
    all reference rows, plates without their own scale get that spread. A column that is
    the same in all reference rows is left out: it becomes 0. On a plate with pooled
    values a column also becomes 0 if half its rows lie more than 20 scales off: the
    pooled scale does not fit them. Values are clipped at 100 scales.

    Attributes:
      plates_: [P] plates with enough reference rows.
      centers_: [P + 1, D] float64; the last row is the pooled one.
      scales_: [P + 1, D] float64 > 0; infinite where a column is left out.
    """

    def fit(self, X, y=None, *, plates, known: Known | None = None) -> "PlateScaler":
        """Measures centre and scale on reference rows.

        Args:
          X: [n, D] features of the reference rows only: controls of the training
            records.
          y: ignored.
          plates: [n] plate of each row.
          known: measurements of the same records by former fits.

        Returns:
          The scaler itself.
        """
        X = np.asarray(X)
        names, member = np.unique(np.asarray(plates, dtype=str), return_inverse=True)
        measure = known.measured(self._measured) if known else self._measured
        measured = [
            measure(X, np.flatnonzero(member == plate)) for plate in range(len(names))
        ]
        centers, scales = map(np.stack, zip(*measured, strict=True))
        sizes = np.bincount(member)
        enough = sizes >= MIN_REFERENCE_ROWS
        center, pooled = self._pooled(X, member, centers, scales)
        pooled = self._usual(pooled, scales[enough], sizes[enough])
        self._begin()
        self._doubt_counts(sizes, len(X))
        between = ((centers - center) ** 2 * (sizes / len(X))[:, None]).sum(0)
        spread = np.sqrt(pooled**2 + between)
        elsewhere = self._unless_narrow(pooled, spread)
        self.plates_, centers, scales = names[enough], centers[enough], scales[enough]
        is_constant = _constant(elsewhere, center)
        # Fewer rows do not show whether a column varies.
        scale_left_out = np.inf if len(X) >= MIN_REFERENCE_ROWS else 1.0
        pooled, elsewhere = (
            np.where(is_constant, scale_left_out, scale)
            for scale in (pooled, elsewhere)
        )
        pooled = np.where(_constant(pooled, center), elsewhere, pooled)
        self.centers_ = np.vstack([centers, center])
        self.scales_ = np.vstack([self._own_scales(scales, centers, pooled), elsewhere])
        return self

    def _own_scales(self, scales, centers, pooled) -> np.ndarray:
        """[P, D] scales of plates; the pooled one where a column hardly varies."""
        usual = np.median(scales, axis=0) if len(scales) else 0.0
        narrow = _constant(scales, centers) | (scales < NARROW * usual)
        # A column that is left out everywhere is reported apart.
        reported = narrow & np.isfinite(pooled)
        columns = np.flatnonzero(reported.any(0))
        if len(columns):
            plates = self.plates_[reported.any(1)]
            self._doubt(
                Doubt(
                    "narrow",
                    len(columns),
                    f"{self._names(columns)} of {scales.shape[1]} hardly vary among "
                    f"the reference records of {_some(plates, 'plate')} and are scaled "
                    "there as on the other plates",
                )
            )
        return np.where(narrow, pooled, scales)

    def _unless_narrow(self, pooled, spread) -> np.ndarray:
        """[D] pooled scales, or the spread over plates if they are far below it."""
        narrow = pooled < NARROW * spread
        columns = np.flatnonzero(narrow)
        if len(columns):
            self._doubt(
                Doubt(
                    "between",
                    len(columns),
                    f"{self._names(columns)} of {len(spread)} vary far less within "
                    "plates than from plate to plate: plates without enough reference "
                    "records are scaled by the spread over all plates",
                )
            )
        return np.where(narrow, spread, pooled)

    def _doubt_counts(self, sizes: np.ndarray, total: int) -> None:
        few = int((sizes < MIN_REFERENCE_ROWS).sum())
        if total < MIN_REFERENCE_ROWS:
            self._doubt(
                Doubt(
                    "few",
                    -total,
                    f"only {total} reference records, of which no spread can be "
                    "measured",
                )
            )
        elif few:
            self._doubt(
                Doubt(
                    "few on a plate",
                    few,
                    f"{few} of {len(sizes)} plates have fewer than "
                    f"{MIN_REFERENCE_ROWS} reference records and are scaled as the "
                    "others are on average",
                )
            )

    def _usual(self, pooled, scales, sizes) -> np.ndarray:
        """[D] the pooled scale; RobustPlateScaler replaces it if it is too narrow."""
        return pooled

    def _measured(self, X, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Measures the [D] centre and [D] scale of some rows [n] int."""
        values = X[rows].astype(np.float64)
        center = self._center(values)
        return center, self._scale(values - center)

    def _pooled(self, X, member, centers, scales) -> tuple[np.ndarray, np.ndarray]:
        """[D] mean of all rows and [D] scale within plates, of the plates' [P, D]."""
        share = np.bincount(member) / len(X)
        return share @ centers, np.sqrt(share @ scales**2)

    def _center(self, rows: np.ndarray) -> np.ndarray:
        return rows.mean(0)

    def _scale(self, residuals: np.ndarray) -> np.ndarray:
        return np.sqrt((residuals**2).mean(0))

    def _apply(self, rows: np.ndarray, plate: str) -> np.ndarray:
        row = self.places([plate])[0]
        center, scales = self.centers_[row], self.scales_[row]
        offsets = rows - center
        self._doubt_left_out(offsets, center, scales)
        scaled = offsets / scales
        if row == -1 and len(rows):
            scaled = self._without_strange(scaled, plate)
        return self._bounded(scaled, plate)

    def places(self, plates: Sequence[str]) -> np.ndarray:
        """Finds the rows of `centers_` and `scales_` for plates [P] str: [P] int.

        The row is -1 for plates without their own.
        """
        return pd.Index(self.plates_).get_indexer(plates)

    def _without_strange(self, rows: np.ndarray, plate: str) -> np.ndarray:
        """Sets columns to 0 that lie far off on a plate with pooled values."""
        strange = np.median(np.abs(rows), axis=0) > 1 / NARROW
        columns = np.flatnonzero(strange)
        if not len(columns):
            return rows
        self._doubt(
            Doubt(
                "strange",
                len(columns),
                f"{self._names(columns)} of {rows.shape[1]} lie farther off on plate "
                f"{plate}, which has too few reference records, than any spread on "
                "other plates tells, and are left out there",
            )
        )
        return np.where(strange, 0.0, rows)

    def _doubt_left_out(self, offsets, center, scales) -> None:
        out = np.flatnonzero(np.isinf(scales))
        rounding = _CONSTANT * np.abs(center[out])
        varying = out[(np.abs(offsets[:, out]) > rounding).any(0)]
        if len(varying):
            self._doubt(
                Doubt(
                    "left out",
                    len(varying),
                    f"{self._names(varying)} of {len(scales)} are the same in all "
                    "reference records, and are left out",
                )
            )


class RobustPlateScaler(PlateScaler):
    """Median and median absolute deviation x 1.4826 per plate; else like PlateScaler.

    A column with more than half its values equal has deviation 0 and gets its standard
    deviation instead.
    """

    def _pooled(self, X, member, centers, scales) -> tuple[np.ndarray, np.ndarray]:
        rows = X.astype(np.float64)
        return self._center(rows), self._scale(rows - centers[member])

    def _center(self, rows: np.ndarray) -> np.ndarray:
        return np.median(rows, axis=0)

    def _scale(self, residuals: np.ndarray) -> np.ndarray:
        deviation = MAD_TO_SD * np.median(np.abs(residuals), axis=0)
        return np.where(deviation > 0, deviation, super()._scale(residuals))

    def _usual(self, pooled, scales, sizes) -> np.ndarray:
        """[D] the pooled scale, or the plates' root mean square if far wider.

        If a column hardly varies on the plates of most rows, the median of all rows
        describes those plates only.
        """
        if not len(scales):
            return pooled
        wide = np.sqrt((scales**2 * (sizes / sizes.sum())[:, None]).sum(0))
        return np.where(pooled < NARROW * wide, wide, pooled)


class _ComponentScaler(PlateScaler):
    """A PlateScaler of columns that are components."""

    _column = "component"


class _PlateCenter(_ComponentScaler):
    """Centre per plate only."""

    def _scale(self, residuals: np.ndarray) -> np.ndarray:
        return np.ones(residuals.shape[1])


class _Rotated(_PlateTransformer):
    """Transformer that rotates scaled features by how reference rows scatter."""

    def _fit_rotation(self, X, plates) -> tuple[np.ndarray, np.ndarray]:
        """Measures plates, mean and scatter: components [D, d] and their sd [d].

        If rows are few, a shrunken scatter replaces the components.
        """
        self._begin()
        self.scaler_ = PlateScaler().fit(X, plates=plates)
        scaled = _by_plate(self.scaler_._apply, X, plates, np.float64)
        self.mean_ = scaled.mean(0)
        centered = scaled - self.mean_
        rotation, spread = principal_components(centered)
        free = len(centered) - len(np.unique(np.asarray(plates, dtype=str)))
        few = free < ROWS_PER_COMPONENT * rotation.shape[1]
        self.scatter_ = Scatter.fit(centered) if few else None
        if few:
            self._doubt(
                Doubt(
                    "shrunken",
                    -len(centered),
                    f"{len(centered)} reference records are too few to measure how "
                    f"{centered.shape[1]} columns vary together: the covariance is "
                    "shrunken (Ledoit and Wolf)",
                )
            )
        return rotation, spread

    def _centered(self, rows: np.ndarray, plate: str) -> np.ndarray:
        return self.scaler_._apply(rows, plate) - self.mean_


class Whitener(_Rotated):
    """Centres and scales per plate, then PCA whitening (Kessy et al. 2018).

    z = x V sqrt(n - 1) / s, with x = U s V' the n reference rows after scaling. The
    components that are more than rounding are kept. If there are fewer than 2 free rows
    (rows less plates) for each of them, small components are noise: then all D
    directions are divided by their standard deviation in a shrunken covariance.

    Attributes:
      scaler_: of the plates.
      mean_: [D] float64 of the scaled reference rows.
      components_: [D, d] float64: the covariance of the reference rows becomes I.
      scatter_: the shrunken covariance; None if rows are enough.
    """

    def fit(self, X, y=None, *, plates) -> "Whitener":
        """Measures plates and components on reference rows; see PlateScaler.fit."""
        rotation, spread = self._fit_rotation(X, plates)
        self.components_ = rotation / spread
        return self

    def _apply(self, rows: np.ndarray, plate: str) -> np.ndarray:
        centered = self._centered(rows, plate)
        if self.scatter_ is None:
            return self._bounded(centered @ self.components_, plate)
        return self._bounded(self.scatter_.whitened(centered), plate)


class TypicalVariation(_Rotated):
    """Typical variation normalisation (Ando et al. 2017; Celik et al. 2024).

    Centre and scale per plate, rotate to the principal components of the reference
    rows, centre and scale those per plate: every direction of typical variation, large
    or small, gets unit variance. If reference rows are few (see Whitener), they are
    whitened by the shrunken covariance instead and then centred per plate.

    Attributes:
      scaler_: of the plates' features.
      mean_: [D] float64, of the scaled reference rows.
      components_: [D, d] float64, orthonormal columns.
      scatter_: the shrunken covariance; None if rows are enough.
      rescaler_: of the plates' components.
    """

    def fit(self, X, y=None, *, plates) -> "TypicalVariation":
        """Measures plates and components on reference rows; see PlateScaler.fit."""
        self.components_ = self._fit_rotation(X, plates)[0]
        rotated = _by_plate(self._turned, X, plates, np.float64)
        rescaler = _ComponentScaler if self.scatter_ is None else _PlateCenter
        self.rescaler_ = rescaler().fit(rotated, plates=plates)
        return self

    def _turned(self, rows: np.ndarray, plate: str) -> np.ndarray:
        if self.scatter_ is None:
            return self.scaler_._apply(rows, plate) @ self.components_
        return self.scatter_.whitened(self._centered(rows, plate))

    def _apply(self, rows: np.ndarray, plate: str) -> np.ndarray:
        return self.rescaler_._apply(self._turned(rows, plate), plate)


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
        """Measures plates and batches on reference rows; see PlateScaler.fit."""
        self._begin()
        self.typical_ = TypicalVariation().fit(X, plates=plates)
        typical = _by_plate(self.typical_._apply, X, plates, np.float64)
        batches = np.array([_batch(plate) for plate in plates], dtype=str)
        rows_of_batch = {
            batch: typical[batches == batch] for batch in np.unique(batches)
        }
        aligned = {
            batch: rows
            for batch, rows in rows_of_batch.items()
            if len(rows) >= MIN_REFERENCE_ROWS
        }
        self._doubt_batches(rows_of_batch, typical.shape[1])
        # Without such a batch there is nothing to align, and one row has no covariance.
        target = _power(_ridged_covariance(typical), 0.5) if aligned else None
        self.alignments_ = {
            batch: _power(_ridged_covariance(rows), -0.5) @ target
            for batch, rows in aligned.items()
        }
        return self

    def _doubt_batches(self, rows_of_batch: dict[str, np.ndarray], width: int) -> None:
        sizes = [len(rows) for rows in rows_of_batch.values()]
        few = sum(size < ROWS_PER_COMPONENT * width for size in sizes)
        if few:
            self._doubt(
                Doubt(
                    "batches",
                    few,
                    f"{few} of {len(sizes)} batches have too few reference records "
                    f"(the smallest {min(sizes)}) to measure how {width} components "
                    f"vary together: {CORAL_RIDGE:g} is added to all variances, and "
                    f"one of fewer than {MIN_REFERENCE_ROWS} is not aligned",
                )
            )

    def _apply(self, rows: np.ndarray, plate: str) -> np.ndarray:
        typical = self.typical_._apply(rows, plate)
        alignment = self.alignments_.get(_batch(plate))
        return typical if alignment is None else typical @ alignment


def principal_components(centered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the directions in which rows vary by more than rounding.

    Args:
      centered: [n, D] float64 with column means 0.

    Returns:
      [D, d] orthonormal directions, the widest first, and [d] their standard deviations
      (n - 1 in the denominator).
    """
    # R has the singular values of the rows, and no [n, D] vectors are computed.
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


def _some(names: Iterable, noun: str) -> str:
    """Counts names and lists the first: "2 columns (0, 5)"."""
    names = [str(name) for name in names]
    shown = ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
    return f"{len(names)} {noun}{'s' * (len(names) != 1)} ({shown})"


def _constant(scale: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Finds columns so narrow that their spread is rounding, not signal."""
    return scale <= _CONSTANT * np.abs(mean)


def _batch(plate: str) -> str:
    """Returns the experiment in "EXPERIMENT/PLATE"."""
    return str(plate).rpartition("/")[0] or str(plate)


def _ridged_covariance(rows: np.ndarray) -> np.ndarray:
    covariance = np.atleast_2d(np.cov(rows, rowvar=False))
    return covariance + CORAL_RIDGE * np.eye(len(covariance))


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
