"""Shape of a dose response without a curve: best dose, fall after it, lack of fit.

A logistic curve rises to a plateau and stays there. Many real responses do not: at high
doses compounds kill cells, precipitate, or bridge two targets no more (the hook or
prozone effect). Here the means of the doses are tested without any curve, and the
closest curve is tested against them.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from scipy import special

from gandl_jax.tasks import curve

LEVEL = curve.LEVEL
MIN_FREEDOM = 2  # of the scatter between wells that means are judged by (ours)
FALLS_AGAIN, NO_CURVE_FITS = "falls again", "no curve fits"
MAX_P = 0.05  # of candidates; q accounts for the number of tests
MIN_FALL = 0.25  # share of the peak: a smaller fall is still a lasting rise (ours)
# Limits of "no curve fits": dose means lie a tenth of the way from the closest curve
# (root mean square), which leaves a quarter of their variance unexplained (ours).
MIN_LACK, MIN_UNEXPLAINED = 0.1, 0.25
FARTHEST = 3  # wells, each of which is left out to see if it alone is off (ours)


@dataclasses.dataclass(frozen=True)
class Scatter:
    """Scatter of the wells of a dose, from the other wells of the screen.

    Attributes:
      sd: of a well around its dose's mean.
      freedom: its degrees of freedom; 0 if it is unknown.
    """

    sd: float
    freedom: float


@dataclasses.dataclass(frozen=True)
class Shape:
    """Dose means and how far the closest curve is from them; None where unknown.

    Attributes:
      best_dose_um: dose with the highest mean, uM.
      best_dose_low_um: lowest dose whose mean is not shown to be lower (95 %).
      best_dose_high_um: highest such dose.
      peak: mean response at the best dose.
      peak_low: lower end of the 95 % interval of the largest true mean, from intervals
        of all doses at once (Bonferroni).
      peak_high: upper end.
      fall: peak minus the mean at the highest dose.
      fall_low: lower end of its 95 % interval, made in the same way.
      fall_high: upper end.
      mean_at_highest_dose: response.
      mean_at_highest_dose_low: lower end of its 95 % interval.
      mean_at_highest_dose_high: upper end.
      p_falls_again: of the test that the response rises above untreated wells and
        falls again, against none or a lasting rise.
      p_lack_of_fit: of the F test of the closest curve against the dose means; None
        where there are no more doses than parameters.
      lack_of_fit: how far dose means lie from the closest curve (root mean square).
      candidates: "falls again", "no curve fits": its p is below 0.05, and the fall or
        the lack is large whichever single well is left out.
      stray_well: position of the well that alone makes a fall or lack large.
    """

    best_dose_um: float | None = None
    best_dose_low_um: float | None = None
    best_dose_high_um: float | None = None
    peak: float | None = None
    peak_low: float | None = None
    peak_high: float | None = None
    fall: float | None = None
    fall_low: float | None = None
    fall_high: float | None = None
    mean_at_highest_dose: float | None = None
    mean_at_highest_dose_low: float | None = None
    mean_at_highest_dose_high: float | None = None
    p_falls_again: float | None = None
    p_lack_of_fit: float | None = None
    lack_of_fit: float | None = None
    candidates: tuple[str, ...] = ()
    stray_well: int | None = None


def judge(wells: curve.Wells, scatter: Scatter, untreated_sd: float) -> Shape:
    """Describes the dose means and tests them.

    Args:
      wells: of one curve.
      scatter: from the other wells of the screen.
      untreated_sd: standard deviation around 0 of a dose without effect.

    Returns:
      The shape; empty if there are fewer than 3 doses, wells do not differ, or their
      scatter is unknown.
    """
    if len(wells.doses) < curve.MIN_DOSES or not np.ptp(wells.response) > 0:
        return Shape()
    if _freedom(wells, scatter) < MIN_FREEDOM:
        return Shape()
    p_values = {
        FALLS_AGAIN: _p_falls_again(wells, scatter, untreated_sd),
        NO_CURVE_FITS: _p_lack_of_fit(wells, scatter),
    }
    candidates, stray = _candidates(wells, p_values)
    return Shape(
        **_best(wells, scatter),
        **_highest(wells, scatter),
        p_falls_again=p_values[FALLS_AGAIN],
        p_lack_of_fit=p_values[NO_CURVE_FITS],
        lack_of_fit=float(np.sqrt(_lack(wells) / len(wells.response))),
        candidates=candidates,
        stray_well=stray,
    )


def _candidates(
    wells: curve.Wells, p_values: Mapping[str, float | None]
) -> tuple[tuple[str, ...], int | None]:
    """Returns the possible calls, and the well that alone causes one."""
    tests = {FALLS_AGAIN: (_falls_much, _at_ends), NO_CURVE_FITS: (_lacks_much, _far)}
    calls, stray = [], None
    for name, (large, decisive) in tests.items():
        p = p_values[name]
        if p is None or p >= MAX_P or not large(wells):
            continue
        single_wells = [
            well for well in decisive(wells) if not large(wells.without(well))
        ]
        if single_wells:
            stray = single_wells[0]
        else:
            calls.append(name)
    return tuple(calls), None if calls else stray


def _at_ends(wells: curve.Wells) -> list[int]:
    """Returns the positions of the wells at the peak and at the highest dose."""
    ends = wells.doses[[wells.means.argmax(), -1]]
    return np.flatnonzero(np.isin(wells.dose, ends)).tolist()


def _far(wells: curve.Wells) -> list[int]:
    """Returns the positions of the wells farthest from the closest curve.

    Returns all if no dose is repeated: the closest curve runs through a stray well.
    """
    count = FARTHEST if len(wells.response) > len(wells.doses) else None
    return np.argsort(-np.abs(wells.residuals), kind="stable")[:count].tolist()


def _falls_much(wells: curve.Wells) -> bool:
    peak = wells.means.max()
    return bool(peak - wells.means[-1] >= MIN_FALL * peak)


def _lacks_much(wells: curve.Wells) -> bool:
    lack, n = _lack(wells), wells.counts
    center = np.average(wells.means, weights=n)
    unexplained = lack / max(n @ (wells.means - center) ** 2, np.finfo(float).tiny)
    return bool(lack >= MIN_LACK**2 * n.sum() and unexplained >= MIN_UNEXPLAINED)


def _variance(wells: curve.Wells, scatter: Scatter) -> float:
    """Returns the variance of a well around its dose's mean, of curve and screen."""
    squares = wells.within + scatter.freedom * scatter.sd**2
    least = (curve.LEAST_SD * np.ptp(wells.response)) ** 2
    return max(squares / _freedom(wells, scatter), least)


def _freedom(wells: curve.Wells, scatter: Scatter) -> float:
    return len(wells.response) - len(wells.doses) + scatter.freedom


def _quantile(freedom: float, comparisons: int) -> float:
    """Returns Student's two-sided quantile for several intervals (Bonferroni)."""
    return float(special.stdtrit(freedom, 1 - (1 - LEVEL) / 2 / comparisons))


def _best(wells: curve.Wells, scatter: Scatter) -> dict[str, float]:
    """Returns best dose, peak and fall, with their intervals."""
    means, counts, doses = wells.means, wells.counts, wells.doses
    variance, freedom = _variance(wells, scatter), _freedom(wells, scatter)
    best, other_doses = int(means.argmax()), len(doses) - 1
    errors = np.sqrt(variance * (1 / counts + 1 / counts[best]))
    behind = special.stdtrit(freedom, 1 - (1 - LEVEL) / other_doses) * errors
    rivals = doses[means[best] - means <= behind]
    peaks = _quantile(freedom, len(doses)) * np.sqrt(variance / counts)
    falls = np.sqrt(variance * (1 / counts + 1 / counts[-1]))
    falls *= _quantile(freedom, other_doses)
    falls[-1] = 0.0  # of the highest dose below itself
    return {
        "best_dose_um": float(doses[best]),
        "best_dose_low_um": float(min(*rivals, doses[best])),
        "best_dose_high_um": float(max(*rivals, doses[best])),
        **_largest("peak", means, peaks),
        **_largest("fall", means - means[-1], falls),
    }


def _largest(name: str, values: np.ndarray, reaches: np.ndarray) -> dict[str, float]:
    """Returns the largest of several values, with simultaneous intervals."""
    ends = {"": values, "_low": values - reaches, "_high": values + reaches}
    return {f"{name}{end}": float(numbers.max()) for end, numbers in ends.items()}


def _highest(wells: curve.Wells, scatter: Scatter) -> dict[str, float]:
    error = np.sqrt(_variance(wells, scatter) / wells.counts[-1])
    reach = _quantile(_freedom(wells, scatter), 1) * error
    return _largest("mean_at_highest_dose", wells.means[-1:], reach)


def _p_falls_again(wells: curve.Wells, scatter: Scatter, untreated_sd: float) -> float:
    """Tests that some dose is above untreated wells and above the highest dose.

    Both must be shown of it, each by a one-sided t test: the larger p counts
    (intersection-union test, Berger 1982). The best such p, times the number of doses
    below the highest (Bonferroni).
    """
    means, counts = wells.means[:-1], wells.counts[:-1]
    variance, freedom = _variance(wells, scatter), _freedom(wells, scatter)
    rise = means / np.sqrt(variance / counts + untreated_sd**2)
    fall = means - wells.means[-1]
    fall = fall / np.sqrt(variance * (1 / counts + 1 / wells.counts[-1]))
    p_values = special.stdtr(freedom, -np.minimum(rise, fall))
    return float(min(p_values.min() * len(means), 1.0))


def _p_lack_of_fit(wells: curve.Wells, scatter: Scatter) -> float | None:
    """Tests lack of fit by F (Draper and Smith 1998, section 2.1)."""
    spare = len(wells.doses) - curve.PARAMETERS
    if spare < 1:
        return None
    ratio = _lack(wells) / spare / _variance(wells, scatter)
    return float(special.fdtrc(spare, _freedom(wells, scatter), ratio))


def _lack(wells: curve.Wells) -> float:
    """Sums squares, over wells, of the dose means around the closest curve."""
    return max(wells.least_squares - wells.within, 0.0)
