"""The axis from response 0 to response 1, judged on wells that it was not fitted to.

The axis is Fisher's linear discriminant: the difference between the controls' means,
in which directions count the less the more wells of one control scatter along them
(density, staining), with the scatter shrunken as Ledoit and Wolf (2004) do, for wells
are fewer than features. How far a well lies off the axis is measured in the same
units, along those directions only in which the judged wells lie farthest off: noise in
hundreds of features would hide every side effect.

An axis separates the wells that it was fitted to even without any difference, the more
the wider the profiles. So it is fitted without a fold of the control wells, and judges
that fold (cross-fitting). The wells of a fold come from all plates, as treated wells
do.
"""

import dataclasses

import numpy as np
import pandas as pd

from gandl_jax.profiles import table
from gandl_jax.profiles.scatter import Scatter, principal

STANDARD_ERRORS = 4  # by which the controls must differ (ours)
MAX_FOLDS = 5  # ours
OFF_AXIS_DIRECTIONS = 10  # ours
USUAL_WELLS = 2  # whose scatter is that of all features, in each feature's (ours)


def folds(metadata: pd.DataFrame, classes: np.ndarray) -> np.ndarray:
    """Deals the wells of each control to folds, plate by plate.

    Args:
      metadata: [W] wells of one experiment.
      classes: [W] int, 0 or 1 for controls and -1 for others.

    Returns:
      [W] int fold, -1 for wells that are no controls; without any one fold, at least
      one well of each control is left. All are -1 if a control has fewer than two
      wells.
    """
    fold_of_well, plates = np.full(len(classes), -1), table.plates(metadata)
    if min((classes == k).sum() for k in (0, 1)) < 2:
        return fold_of_well
    # So many folds that a usual plate lacks wells in every fold, not in some.
    usual = min(pd.Series(plates[classes == k]).value_counts().median() for k in (0, 1))
    count = int(np.clip(usual, 2, MAX_FOLDS))
    for k in (0, 1):
        wells = np.flatnonzero(classes == k)
        wells = wells[np.argsort(plates[wells].astype(str), kind="stable")]
        fold_of_well[wells] = np.arange(len(wells)) % count
    return fold_of_well


@dataclasses.dataclass(frozen=True)
class Frame:
    """Axis and scatter of some control wells.

    Attributes:
      start: [D] float64, the mean of response 0.
      weights: [D] float64, one over the scatter of each feature within a control: the
        scatter of both together hides the features that separate them.
      scatter: of weighted wells.
      axis: [D] float64 of length 1, towards response 1 once scatter is 1 everywhere.
    """

    start: np.ndarray
    weights: np.ndarray
    scatter: Scatter
    axis: np.ndarray

    @classmethod
    def fit(cls, zero: np.ndarray, one: np.ndarray) -> "Frame":
        """Fits the axis and the scatter.

        Args:
          zero: [n, D] float64, wells of response 0.
          one: [m, D] float64, wells of response 1.

        Returns:
          The frame; without any scatter, all directions count alike.
        """
        start, end = zero.mean(axis=0), one.mean(axis=0)
        residuals = np.concatenate([zero - start, one - end])
        weights = _weights(residuals)
        scatter = Scatter.fit(residuals * weights)
        plain = cls(start, weights, scatter, np.zeros_like(start))
        towards = plain.whitened(end[None])[0]
        length = max(np.linalg.norm(towards), np.finfo(float).tiny)
        return dataclasses.replace(plain, axis=towards / length)

    def whitened(self, profiles: np.ndarray) -> np.ndarray:
        """Returns profiles relative to response 0, scaled to a control scatter of 1.

        Args:
          profiles: [N, D] float32 or float64.

        Returns:
          [N, D] of the same dtype, in standard deviations of the controls; in rotated
          coordinates, which keep lengths and angles.
        """
        dtype = profiles.dtype
        offsets = (profiles - self.start.astype(dtype)) * self.weights.astype(dtype)
        return self.scatter.whitened(offsets)

    def judge(self, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns positions of wells along the axis, and distances off it.

        Args:
          profiles: [N, D] float32 or float64; wells that are judged together, for all
            of them determine the directions that count off the axis.

        Returns:
          Two [N], in standard deviations of the controls.
        """
        offsets = self.whitened(profiles)
        axis = self.axis.astype(offsets.dtype)
        positions = offsets @ axis
        offsets -= np.outer(positions, axis)
        return positions, _farthest(offsets, OFF_AXIS_DIRECTIONS)


def _weights(residuals: np.ndarray) -> np.ndarray:
    """Returns one over each feature's standard deviation, shrunken for few wells."""
    squares = np.square(residuals)
    usual = squares.mean()
    if usual == 0:
        return np.ones(residuals.shape[1])
    added = USUAL_WELLS * usual
    return np.sqrt((len(residuals) + USUAL_WELLS) / (squares.sum(axis=0) + added))


def _farthest(offsets: np.ndarray, count: int) -> np.ndarray:
    """Returns lengths [N] within the `count` longest directions of offsets [N, D]."""
    farthest = principal(offsets)[1][:, -count:].astype(offsets.dtype)
    return np.linalg.norm(offsets @ farthest, axis=1)


def apart_se(positions: np.ndarray, classes: np.ndarray) -> float:
    """Returns the distance of the controls in standard errors (Welch's t).

    It is above 0 if response 1 lies ahead of response 0.

    Args:
      positions: [W] along the axis, control wells by cross-fitting.
      classes: [W] int, 0 or 1 for controls, each at least twice, and -1 for others.
    """
    groups = [positions[classes == k] for k in (0, 1)]
    error = np.sqrt(sum(group.var(ddof=1) / len(group) for group in groups))
    ahead = float(groups[1].mean() - groups[0].mean())
    return ahead / float(error) if error else np.inf * np.sign(ahead) if ahead else 0.0


def are_apart(positions: np.ndarray, classes: np.ndarray) -> bool:
    """Tells whether response 1 is ahead of response 0 by over 4 standard errors.

    Args:
      positions: as in `apart_se`.
      classes: as in `apart_se`.

    Returns:
      False for most differences of wells without signal: folds share wells, so noise
      passes in up to 2 % of screens (found by simulation).
    """
    return apart_se(positions, classes) > STANDARD_ERRORS


def too_near(apart: float) -> str:
    """Describes the distance of controls that are too near, with the rule."""
    return (
        f"{apart:.1f} standard errors apart, and more than {STANDARD_ERRORS} are asked"
    )


def scaled_by_controls(
    positions: np.ndarray, lengths: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scales the controls' means to 0 and 1 along the axis, and to 0 off it.

    Off the axis, a well is compared with the controls, interpolated to its response.
    Lengths add as squares, so a side effect smaller than the wells' own scatter is
    underestimated; wells that lie as the controls do have none.

    Args:
      positions: [W] float64 along the axis.
      lengths: [W] float64 off the axis.
      classes: [W] int, 0 or 1 for controls and -1 for others.

    Returns:
      Response and side effect, [W] float64 each, in units of the controls' distance.
    """
    start, end = (positions[classes == k].mean() for k in (0, 1))
    response = (positions - start) / (end - start)
    near, far = (lengths[classes == k].mean() for k in (0, 1))
    usual = near + (far - near) * np.clip(response, 0, 1)
    return response, (lengths - usual) / (end - start)
