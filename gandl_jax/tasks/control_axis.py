"""The way from response 0 to response 1, judged on wells that did not draw it.

The axis is Fisher's linear discriminant: the difference between the controls' means,
in which directions count the less the more wells of one control scatter along them
(density, staining), with the scatter shrunken as Ledoit and Wolf (2004) do, for wells
are fewer than features. How far a well lies off the axis is measured in the same
units, along those directions only in which the judged wells lie farthest off: noise in
hundreds of features would hide every side effect.

An axis separates the wells that it was drawn from even where there is nothing to
separate, the more the wider the profiles. So it is drawn without a fold of the control
wells, and what it says of that fold is what counts (cross-fitting). The wells of a fold
come from all plates, as treated wells do.
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
    """The fold of each control well: the wells of a control are dealt plate by plate.

    Args:
      metadata: [W] wells of one experiment.
      classes: [W] int, 0 or 1 for controls and -1 for others.

    Returns:
      [W] int, -1 for what is no control; without any fold at least one well of each
      control is left. All are -1 where a control has fewer than two wells.
    """
    found, plates = np.full(len(classes), -1), table.plates(metadata)
    if min((classes == k).sum() for k in (0, 1)) < 2:
        return found
    # So many that a usual plate lacks wells in every fold, not in some.
    usual = min(pd.Series(plates[classes == k]).value_counts().median() for k in (0, 1))
    count = int(np.clip(usual, 2, MAX_FOLDS))
    for k in (0, 1):
        own = np.flatnonzero(classes == k)
        own = own[np.argsort(plates[own].astype(str), kind="stable")]
        found[own] = np.arange(len(own)) % count
    return found


@dataclasses.dataclass(frozen=True)
class Frame:
    """What some control wells say of where response 1 lies and how wells scatter.

    Attributes:
      start: [D] float64, the mean of response 0.
      weights: [D] float64, one over the scatter of each feature within a control: the
        scatter of both together hides the features that tell them apart.
      scatter: of weighted wells.
      axis: [D] float64 of length 1, towards response 1 once scatter is 1 everywhere.
    """

    start: np.ndarray
    weights: np.ndarray
    scatter: Scatter
    axis: np.ndarray

    @classmethod
    def fit(cls, zero: np.ndarray, one: np.ndarray) -> "Frame":
        """Draws the axis and measures the scatter.

        Args:
          zero: [n, D] float64, wells of response 0.
          one: [m, D] float64, wells of response 1.

        Returns:
          The frame; where wells do not scatter at all, all directions count alike.
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
        """Profiles from response 0, in coordinates in which controls scatter by 1.

        Args:
          profiles: [N, D] float32 or float64.

        Returns:
          [N, D] of the same type, in standard deviations of the controls; turned
          somehow, which no length or angle tells.
        """
        kind = profiles.dtype
        offsets = (profiles - self.start.astype(kind)) * self.weights.astype(kind)
        return self.scatter.whitened(offsets)

    def judge(self, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far along the axis wells lie, and how far off it.

        Args:
          profiles: [N, D] float32 or float64; wells that are judged alike, for which
            directions count off the axis is for all of them to say.

        Returns:
          Two [N], in standard deviations of the controls.
        """
        offsets = self.whitened(profiles)
        axis = self.axis.astype(offsets.dtype)
        places = offsets @ axis
        offsets -= np.outer(places, axis)
        return places, _farthest(offsets, OFF_AXIS_DIRECTIONS)


def _weights(residuals: np.ndarray) -> np.ndarray:
    """One over each feature's standard deviation, few wells taken for no more."""
    squares = np.square(residuals)
    usual = squares.mean()
    if usual == 0:
        return np.ones(residuals.shape[1])
    added = USUAL_WELLS * usual
    return np.sqrt((len(residuals) + USUAL_WELLS) / (squares.sum(axis=0) + added))


def _farthest(offsets: np.ndarray, count: int) -> np.ndarray:
    """Lengths [N] within the `count` directions in which offsets [N, D] are longest."""
    farthest = principal(offsets)[1][:, -count:].astype(offsets.dtype)
    return np.linalg.norm(offsets @ farthest, axis=1)


def apart_se(places: np.ndarray, classes: np.ndarray) -> float:
    """How many standard errors response 1 lies ahead of response 0 (Welch's t).

    Args:
      places: [W] along the axis, control wells as the others see them.
      classes: [W] int, 0 or 1 for controls, each at least twice, and -1 for others.
    """
    groups = [places[classes == k] for k in (0, 1)]
    error = np.sqrt(sum(group.var(ddof=1) / len(group) for group in groups))
    ahead = float(groups[1].mean() - groups[0].mean())
    return ahead / float(error) if error else np.inf * np.sign(ahead) if ahead else 0.0


def told_apart(places: np.ndarray, classes: np.ndarray) -> bool:
    """Whether response 1 lies ahead of response 0 by more than 4 standard errors.

    Args:
      places: as of `apart_se`.
      classes: as of `apart_se`.

    Returns:
      False for differences that wells without signal give too: folds share wells, so
      noise passes in up to 2 % of screens (found by simulation).
    """
    return apart_se(places, classes) > STANDARD_ERRORS


def too_near(apart: float) -> str:
    """What is told of controls that are not told apart, with the rule."""
    return (
        f"{apart:.1f} standard errors apart, and more than {STANDARD_ERRORS} are asked"
    )


def on_the_way(
    places: np.ndarray, lengths: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Puts the controls' means at 0 and 1 of the axis, and at 0 off it.

    Off the axis, a well is compared with the controls of its own place on the way.
    Lengths add as squares, so that a side effect smaller than the wells' own scatter
    is told too small; it is never told of wells that lie as the controls do.

    Args:
      places: [W] float64 along the axis.
      lengths: [W] float64 off the axis.
      classes: [W] int, 0 or 1 for controls and -1 for others.

    Returns:
      Response and side effect, [W] float64 each, in units of the controls' distance.
    """
    start, end = (places[classes == k].mean() for k in (0, 1))
    response = (places - start) / (end - start)
    near, far = (lengths[classes == k].mean() for k in (0, 1))
    usual = near + (far - near) * np.clip(response, 0, 1)
    return response, (lengths - usual) / (end - start)
