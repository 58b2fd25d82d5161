"""Normalisation as scikit-learn transformers, with plates as an explicit argument.

Each is fitted on reference rows only (the training part's controls) and then transforms
any rows. All computing is in float64; what comes out is float32.

No spread is trusted that few or nearly constant rows gave: another takes its place, or
the column is left out, or the covariance is shrunken. `doubts` tells where that was.
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
    """Where a normalisation could not do as its name says.

    Attributes:
      kind: of doubt; of those of one kind the largest stands for the others.
      amount: how large it is: columns, plates, standard deviations ...
      words: a sentence without a full stop.
    """

    kind: str
    amount: float
    words: str


def largest(doubts: Iterable[Doubt]) -> list[Doubt]:
    """Keeps the largest doubt of each kind."""
    found: dict[str, Doubt] = {}
    for one in doubts:
        if one.kind not in found or one.amount > found[one.kind].amount:
            found[one.kind] = one
    return list(found.values())


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

    def doubts(self) -> list[Doubt]:
        """Nothing is measured, so that nothing is in doubt."""
        return []


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

    def doubts(self) -> list[Doubt]:
        """What to doubt of the fit, and of the rows that were transformed since."""
        parts = [v for v in vars(self).values() if isinstance(v, _PlateTransformer)]
        own = list(getattr(self, "_doubts", {}).values())
        return largest([*(d for part in parts for d in part.doubts()), *own])

    _column = "column"

    def _names(self, columns: np.ndarray) -> str:
        return _some(columns, self._column)

    def _begin(self) -> None:
        self._doubts: dict[str, Doubt] = {}

    def _doubt(self, *doubts: Doubt) -> None:
        found = largest([*self._doubts.values(), *doubts])
        self._doubts = {one.kind: one for one in found}

    def _bounded(self, rows: np.ndarray, plate: str) -> np.ndarray:
        """Rows in which no value lies farther out than 100 standard deviations."""
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
    """What was measured of records that scalers are fitted on again and again.

    Nearly all folds of a split learn from the same records of a plate.

    Args:
      records: [n] int number of each row of the fit.
      found: what all fits have measured, to be used by scalers of one kind only.
    """

    def __init__(self, records: np.ndarray, found: dict[bytes, Any]):
        self._records, self._found = records, found

    def measured(self, measure: Callable) -> Callable:
        """The same as `measure(X, rows)`, which is called once for the same records."""

        def measured(X, rows):
            key = self._records[rows].tobytes()
            if key not in self._found:
                self._found[key] = measure(X, rows)
            return self._found[key]

        return measured


class PlateScaler(_PlateTransformer):
    """Centre and scale per plate, as measured on each plate's reference rows.

    A plate with fewer than 5 reference rows gets the pooled centre (mean of all
    reference rows) and the pooled scale (standard deviation within plates): two rows
    that are nearly equal would blow all others up. So does a column that is constant
    on a plate, or whose spread there is less than a twentieth of the plates' median.
    Where the pooled scale is less than a twentieth of the spread of all reference rows,
    plates without their own get that. A column that is the same in all reference rows
    is left out: it becomes 0. So does one on a plate with pooled values where half the
    rows lie more than 20 scales off, for the scale is none of theirs. No value lies
    beyond 100 scales.

    Attributes:
      plates_: [P] plates with enough reference rows.
      centers_: [P + 1, D] float64; the last row is the pooled one.
      scales_: [P + 1, D] float64 > 0; infinite where a column is left out.
    """

    def fit(self, X, y=None, *, plates, known: Known | None = None) -> "PlateScaler":
        """Measures centre and scale on reference rows.

        Args:
          X: [n, D] features of the reference rows only: the training part's controls.
          y: ignored.
          plates: [n] plate of each row.
          known: what former fits have measured of the same records.

        Returns:
          The scaler itself.
        """
        X = np.asarray(X)
        names, member = np.unique(np.asarray(plates, dtype=str), return_inverse=True)
        measure = known.measured(self._measured) if known else self._measured
        measured = [measure(X, np.flatnonzero(member == p)) for p in range(len(names))]
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
        nothing = _constant(elsewhere, center)
        # Of fewer rows it is not known whether a column varies.
        left_out = np.inf if len(X) >= MIN_REFERENCE_ROWS else 1.0
        pooled, elsewhere = (
            np.where(nothing, left_out, x) for x in (pooled, elsewhere)
        )
        pooled = np.where(_constant(pooled, center), elsewhere, pooled)
        self.centers_ = np.vstack([centers, center])
        self.scales_ = np.vstack([self._own(scales, centers, pooled), elsewhere])
        return self

    def _own(self, scales, centers, pooled) -> np.ndarray:
        """[P, D] scales of plates, the pooled one where theirs is none."""
        usual = np.median(scales, axis=0) if len(scales) else 0.0
        narrow = _constant(scales, centers) | (scales < NARROW * usual)
        told = narrow & np.isfinite(pooled)  # one left out everywhere is told of apart
        columns = np.flatnonzero(told.any(0))
        if len(columns):
            plates = self.plates_[told.any(1)]
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
        """[D] pooled scales, the spread over plates where they are far below it."""
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
        """[D] the pooled scale; of standard deviations it is the plates' own."""
        return pooled

    def _measured(self, X, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[D] centre and [D] scale of some rows [n] int."""
        own = X[rows].astype(np.float64)
        center = self._center(own)
        return center, self._scale(own - center)

    def _pooled(self, X, member, centers, scales) -> tuple[np.ndarray, np.ndarray]:
        """[D] centre of all rows, [D] scale of all within the plates [P, D]."""
        share = np.bincount(member) / len(X)
        return share @ centers, np.sqrt(share @ scales**2)

    def _center(self, rows: np.ndarray) -> np.ndarray:
        return rows.mean(0)

    def _scale(self, residuals: np.ndarray) -> np.ndarray:
        return np.sqrt((residuals**2).mean(0))

    def _apply(self, rows: np.ndarray, plate: str) -> np.ndarray:
        own = self.places([plate])[0]
        center, scales = self.centers_[own], self.scales_[own]
        offsets = rows - center
        self._doubt_left_out(offsets, center, scales)
        scaled = offsets / scales
        if own == -1 and len(rows):
            scaled = self._without_strange(scaled, plate)
        return self._bounded(scaled, plate)

    def places(self, plates: Sequence[str]) -> np.ndarray:
        """[P] int: the rows of `centers_` and `scales_` that hold for plates [P] str.

        It is -1 for those without their own.
        """
        return pd.Index(self.plates_).get_indexer(plates)

    def _without_strange(self, rows: np.ndarray, plate: str) -> np.ndarray:
        """Rows in which columns are 0 that a plate with pooled values has far off."""
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
    """Median and median absolute deviation per plate, x 1.4826; else as PlateScaler.

    A column of which more than half the values are equal has no such deviation and gets
    its standard deviation.
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
        """[D] the pooled scale, the plates' root mean square where that is far wider.

        Where most rows are of plates on which a column hardly varies, the median of all
        rows tells of those plates only.
        """
        if not len(scales):
            return pooled
        wide = np.sqrt((scales**2 * (sizes / sizes.sum())[:, None]).sum(0))
        return np.where(pooled < NARROW * wide, wide, pooled)


class _ComponentScaler(PlateScaler):
    """As PlateScaler, of columns that are components."""

    _column = "component"


class _PlateCenter(_ComponentScaler):
    """Centre per plate only."""

    def _scale(self, residuals: np.ndarray) -> np.ndarray:
        return np.ones(residuals.shape[1])


class _Rotated(_PlateTransformer):
    """What rotates the features of scaled plates, by how reference rows scatter."""

    def _fit_rotation(self, X, plates) -> tuple[np.ndarray, np.ndarray]:
        """Measures plates, mean and scatter; components [D, d] and their sd [d].

        Where rows are few the scatter is shrunken, and takes the components' place.
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
    """Centre and scale per plate, then PCA whitening (Kessy et al. 2018).

    z = x V sqrt(n - 1) / s, with x = U s V' the n reference rows after scaling. The
    components that are more than rounding are kept. Where there are fewer than 2 rows,
    plates not counted, for each of these, small components say nothing: then all D
    directions are divided by their standard deviation in a covariance that is shrunken.

    Attributes:
      scaler_: of the plates.
      mean_: [D] float64, of the scaled reference rows.
      components_: [D, d] float64: the covariance of the reference rows becomes I.
      scatter_: the shrunken covariance; None where rows are enough.
    """

    def fit(self, X, y=None, *, plates) -> "Whitener":
        """Measures plates and components on reference rows; as PlateScaler.fit."""
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
    or small, gets unit variance. Where reference rows are few, as Whitener has it, they
    are whitened by the shrunken covariance instead and then centred per plate.

    Attributes:
      scaler_: of the plates' features.
      mean_: [D] float64, of the scaled reference rows.
      components_: [D, d] float64, orthonormal columns.
      scatter_: the shrunken covariance; None where rows are enough.
      rescaler_: of the plates' components.
    """

    def fit(self, X, y=None, *, plates) -> "TypicalVariation":
        """Measures plates and components on reference rows; as PlateScaler.fit."""
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
        """Measures plates and batches on reference rows; as PlateScaler.fit."""
        self._begin()
        self.typical_ = TypicalVariation().fit(X, plates=plates)
        typical = _by_plate(self.typical_._apply, X, plates, np.float64)
        batches = np.array([_batch(plate) for plate in plates], dtype=str)
        every = {batch: typical[batches == batch] for batch in np.unique(batches)}
        parts = {b: own for b, own in every.items() if len(own) >= MIN_REFERENCE_ROWS}
        self._doubt_batches(every, typical.shape[1])
        # Without any there is nothing to align: one row has no covariance.
        target = _power(_ridged_covariance(typical), 0.5) if parts else None
        self.alignments_ = {
            batch: _power(_ridged_covariance(own), -0.5) @ target
            for batch, own in parts.items()
        }
        return self

    def _doubt_batches(self, every: dict[str, np.ndarray], width: int) -> None:
        sizes = [len(own) for own in every.values()]
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


def _some(names: Iterable, what: str) -> str:
    """How many there are, and the first of them: "2 columns (0, 5)"."""
    names = [str(name) for name in names]
    shown = ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
    return f"{len(names)} {what}{'s' * (len(names) != 1)} ({shown})"


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
