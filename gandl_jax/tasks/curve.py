"""The four-parameter logistic: one dose-response curve and how sure it is.

Eight doses of two wells leave four parameters vague, so prior knowledge is used: slopes
lie in a usual range, and in a screen with controls the bottom is where the untreated
wells are, the top not far beyond the controls, and wells scatter as those of the other
curves do. Slope, plateaus and scatter are integrated out of the likelihood; the result
is a function of the EC50 alone (Berger, Liseo and Wolpert 1999), whose peak is the
estimate and whose width the interval.
"""

import dataclasses
import functools

import numpy as np
from scipy import special

from gandl_jax.dose_unit import MICROMOLAR
from gandl_jax.tasks import absolute_ec50

LEVEL = 0.95  # of all intervals and bounds
# Hill slopes: 95 % lie between 1/2 and 3 (ours; one binding site gives 1).
SLOPE_CENTER, SLOPE_SD = np.log(1.5) / 2, np.log(6) / 2 / 1.96
SLOPE_REACH = 3.0  # standard deviations of the logarithm that are searched
TOP, TOP_SD = 0.5, 0.75  # of the other plateau, the controls being 0 and 1 (ours)
DECADES_BEYOND = 1.5  # how far past the doses an EC50 is searched (ours)
PARAMETERS = 4
MIN_FREEDOM = 2  # of the residuals of a curve alone (ours)
MIN_DOSES = 3
LEAST_SD = 1e-3  # of the wells' range: no assay is surer (ours)

_EC50S, _SLOPES, _SCATTERS = 121, 15, 9  # nodes of the grid
_STAGES = 30  # of closer grids, at most
_THINNED = 3  # every third EC50 is enough for a probability
_NEGLIGIBLE_WEIGHT = 1e-5  # of a node, the sum being 1
_NEGLIGIBLE = 12.0  # below the peak's log likelihood; closer grids leave it out
_TINY = 1e-12
_EITHER_SIDE = "the relative EC50 may lie below or above the doses"


@dataclasses.dataclass(frozen=True)
class Prior:
    """Prior knowledge of a curve, from the other wells of the screen.

    Attributes:
      sd: of wells around their curves.
      freedom: degrees of freedom of that; 0 if it is unknown.
      bottom_sd: standard deviation of a bottom around the untreated wells, at 0.
      half_way_sd: standard error of half way between the controls.
      dose_unit: "uM" or another.
    """

    sd: float
    freedom: float
    bottom_sd: float
    half_way_sd: float = 0.0
    dose_unit: str = MICROMOLAR


@dataclasses.dataclass(frozen=True)
class Curve:
    """A fitted curve; None for what could not be estimated.

    Attributes:
      status: "fitted", "bound: the relative EC50 lies above/below ... uM" (or the
        doses' other unit), "not identified: why" or "no effect", which `fit` returns
        for a constant only: the limit on p_effect depends on the number of curves that
        are tested.
      ec50_um: the best estimate of the relative EC50, in uM, half way up the curve's
        own rise; None if only a bound is known.
      ec50_low_um: lower end of the 95 % interval, or the 95 % bound; None if it is
        open.
      ec50_high_um: upper end.
      ec50_bound: "above" or "below": side of the bound on which the EC50 lies.
      absolute_ec50_um: dose in uM at which the response is half way between the
        controls, see `absolute_ec50`; None if only a bound is known.
      absolute_ec50_low_um: lower end of the 95 % interval, or the 95 % bound.
      absolute_ec50_high_um: upper end.
      absolute_ec50_bound: "above" or "below", as for the relative one.
      slope: Hill slope > 0.
      bottom: response at the lowest doses.
      top: response at the highest; below bottom for a falling curve.
      response_at_highest_dose: of the curve, at the highest dose that was tested.
      rescue: the same, averaged over all curves that the wells allow.
      rescue_low: lower end of its 95 % interval.
      rescue_high: upper end.
      r2: share of the variance between wells that the curve explains.
      r2_dose_means: the same between the doses' means.
      p_effect: of the F test against no effect.
    """

    status: str
    ec50_um: float | None = None
    ec50_low_um: float | None = None
    ec50_high_um: float | None = None
    ec50_bound: str | None = None
    absolute_ec50_um: float | None = None
    absolute_ec50_low_um: float | None = None
    absolute_ec50_high_um: float | None = None
    absolute_ec50_bound: str | None = None
    slope: float | None = None
    bottom: float | None = None
    top: float | None = None
    response_at_highest_dose: float | None = None
    rescue: float | None = None
    rescue_low: float | None = None
    rescue_high: float | None = None
    r2: float | None = None
    r2_dose_means: float | None = None
    p_effect: float | None = None


def logistic(
    dose: np.ndarray, bottom: float, top: float, ec50: float, slope: float
) -> np.ndarray:
    """Computes the responses: bottom + (top - bottom) / (1 + (ec50 / dose)^slope).

    Args:
      dose: [N] uM > 0.
      bottom: response at dose 0.
      top: response at infinite dose.
      ec50: uM, dose at which the response is half way up.
      slope: Hill slope > 0.

    Returns:
      [N] float64.
    """
    return bottom + (top - bottom) * _rise(np.log10(dose), np.log10(ec50), slope)


def fit(dose: np.ndarray, response: np.ndarray, prior: Prior | None = None) -> Curve:
    """Fits a curve to wells.

    The interval holds every EC50 whose integrated likelihood has not fallen by more
    from the peak than Student's density has at its 2.5 and 97.5 % quantiles. If an EC50
    beyond the doses is not excluded (95 %, one-sided), a bound is returned.

    Without `prior`, plateaus are expected within about the range of the data.

    Args:
      dose: [N] uM > 0, one per well.
      response: [N] float, finite, 0 and 1 at the controls.
      prior: knowledge from the other wells of the screen.

    Returns:
      The curve; only a constant response is "no effect" here.
    """
    return fit_wells(Wells.from_arrays(dose, response), prior)


def fit_wells(wells: "Wells", prior: Prior | None = None) -> Curve:
    """Fits a curve as `fit` does.

    Args:
      wells: of one curve.
      prior: knowledge from the other wells of the screen.
    """
    freedom = len(wells.response) - PARAMETERS + (prior.freedom if prior else 0)
    if freedom < MIN_FREEDOM or len(wells.doses) < MIN_DOSES:
        return Curve(
            f"not identified: only {len(wells.response)} wells at "
            f"{len(wells.doses)} doses"
        )
    if not np.ptp(wells.response) > 0:
        return no_effect(wells.response, p_effect=1.0)
    p_effect, variance = _test(wells, prior)
    grid = _integrated(wells, prior, variance, freedom)
    unit = prior.dose_unit if prior else MICROMOLAR
    ec50_fields = _ec50_fields(*grid.profile, wells.log_doses, freedom, unit)
    chance = functools.partial(grid.half_way, sd=prior.half_way_sd if prior else 0.0)
    best = grid.best_curve()
    predicted = logistic(wells.dose, *best)
    return Curve(
        **ec50_fields,
        **absolute_ec50.find(chance, wells.log_doses, DECADES_BEYOND, LEVEL),
        slope=best[3],
        bottom=best[0],
        top=best[1],
        response_at_highest_dose=float(logistic(wells.doses[-1], *best)),
        **grid.at_dose(wells.log_doses[-1]),
        r2=_r2(wells.response, predicted, np.ones(len(predicted))),
        r2_dose_means=_r2(wells.means, logistic(wells.doses, *best), wells.counts),
        p_effect=p_effect,
    )


def no_effect(response: np.ndarray, p_effect: float) -> Curve:
    """Makes the flat line through wells that show no effect of the dose.

    Args:
      response: [N] float.
      p_effect: of the F test.

    Returns:
      A curve that is the wells' mean at every dose.
    """
    level = float(np.mean(response))
    return Curve(
        "no effect",
        bottom=level,
        top=level,
        response_at_highest_dose=level,
        rescue=level,
        r2=0.0,
        p_effect=p_effect,
    )


def residual_variance(wells: "Wells") -> tuple[float, int] | None:
    """Returns the variance of the wells of a curve around it.

    Args:
      wells: of one curve.

    Returns:
      Variance and its N - 4 degrees of freedom; None with fewer than 5 wells or 3
      doses.
    """
    freedom = len(wells.response) - PARAMETERS
    if freedom < 1 or len(wells.doses) < MIN_DOSES:
        return None
    return wells.least_squares / freedom, freedom


def replicate_variance(wells: "Wells") -> tuple[float, int] | None:
    """Returns the variance of the wells of a dose around their mean.

    Args:
      wells: of one curve.

    Returns:
      Variance and its degrees of freedom, wells less doses; None if there are none.
    """
    freedom = len(wells.response) - len(wells.doses)
    return (wells.within / freedom, freedom) if freedom else None


def _rise(log_dose, log_ec50, slope):
    return special.expit(np.log(10) * slope * (log_dose - log_ec50))


@dataclasses.dataclass(frozen=True)
class Wells:
    """A curve's N wells and the means of its K doses.

    Attributes:
      dose: [N] uM > 0, one per well.
      response: [N] float64, finite.
      doses: [K] uM, ascending.
      means: [K] response at each dose.
      counts: [K] wells at each dose.
      within: sum of squares around the doses' means.
    """

    dose: np.ndarray
    response: np.ndarray
    doses: np.ndarray
    means: np.ndarray
    counts: np.ndarray
    within: float

    @classmethod
    def from_arrays(cls, dose: np.ndarray, response: np.ndarray) -> "Wells":
        """Averages the wells of each dose.

        Args:
          dose: [N] uM > 0, one per well.
          response: [N] float, finite.
        """
        dose, response = np.asarray(dose, float), np.asarray(response, float)
        doses, member = np.unique(dose, return_inverse=True)
        counts = np.bincount(member)
        means = np.bincount(member, response) / np.maximum(counts, 1)
        within = float(((response - means[member]) ** 2).sum())
        return cls(dose, response, doses, means, counts, within)

    @property
    def log_doses(self) -> np.ndarray:
        """log10 of the doses [K] in uM."""
        return np.log10(self.doses)

    @functools.cached_property
    def least_squares(self) -> float:
        """Sum of squares around the closest curve, with free plateaus."""
        return self._closest[0]

    @functools.cached_property
    def residuals(self) -> np.ndarray:
        """Distance [N] of each well from the closest curve."""
        rise = _rise(np.log10(self.dose), *self._closest[1:])
        plateaus = np.column_stack([1 - rise, rise])
        return self.response - plateaus @ np.linalg.lstsq(plateaus, self.response)[0]

    @functools.cached_property
    def _closest(self) -> tuple[float, float, float]:
        return _least_squares(self, 0.0)

    def without(self, well: int) -> "Wells":
        """Returns the other wells.

        Args:
          well: position of the well to leave out.
        """
        return self.from_arrays(
            np.delete(self.dose, well), np.delete(self.response, well)
        )


def _nodes(wells: Wells) -> tuple[np.ndarray, np.ndarray]:
    """Returns log10 EC50s [E] and log slopes [S] of the widest grid."""
    low, high = wells.log_doses[[0, -1]]
    reach = SLOPE_REACH * SLOPE_SD
    return (
        np.linspace(low - DECADES_BEYOND, high + DECADES_BEYOND, _EC50S),
        np.linspace(SLOPE_CENTER - reach, SLOPE_CENTER + reach, _SLOPES),
    )


def _sums(wells: Wells, log_ec50s, log_slopes) -> tuple[np.ndarray, ...]:
    """Returns the normal equations of bottom and top at each node: 5 arrays [E, S]."""
    slopes = np.exp(log_slopes)[:, None]
    rise = _rise(wells.log_doses, log_ec50s[:, None, None], slopes)
    fall, n, y = 1 - rise, wells.counts, wells.means
    return (
        (fall * fall) @ n,
        (fall * rise) @ n,
        (rise * rise) @ n,
        fall @ (n * y),
        rise @ (n * y),
    )


def _least_squares(wells: Wells, pull: float) -> tuple[float, float, float]:
    """Finds the closest of all curves, with the bottom pulled to 0.

    Returns:
      Its sum of squares, log10 EC50 and slope.
    """
    ridge = 1e-10  # a plateau that no dose shows stays where it is
    total = wells.counts @ wells.means**2 + wells.within
    log_ec50s, log_slopes = _nodes(wells)
    least = np.inf
    for _ in range(_STAGES):
        bb, bt, tt, by, ty = _sums(wells, log_ec50s, log_slopes)
        bb, tt = bb + ridge + pull, tt + ridge
        explained = (tt * by**2 - 2 * bt * by * ty + bb * ty**2) / (bb * tt - bt**2)
        e, s = np.unravel_index(explained.argmax(), explained.shape)
        before, least = least, float(max(total - explained[e, s], wells.within))
        best = float(log_ec50s[e]), float(np.exp(log_slopes[s]))
        if least > before * (1 - 1e-3):
            break
        log_ec50s, log_slopes = _around(log_ec50s, e), _around(log_slopes, s)
    return least, best[0], best[1]


def _around(nodes: np.ndarray, best: int) -> np.ndarray:
    """Returns nodes closer to the best; EC50 and slope compensate for one another."""
    ends = nodes[max(best - 2, 0)], nodes[min(best + 2, len(nodes) - 1)]
    return np.linspace(*ends, 15)


def _test(wells: Wells, prior: Prior | None) -> tuple[float, float]:
    """Tests a curve against no effect by F; also returns the variance of wells.

    Without effect, all doses and the untreated wells, if known, have one level. Three
    parameters are tested; as two of them are undefined without effect, 1 to 3 % of flat
    curves are called at a limit of 5 %.
    """
    n = wells.counts.sum()
    freedom = n - PARAMETERS + (prior.freedom if prior else 0)
    around = prior.freedom * prior.sd**2 if prior else 0.0
    least = (LEAST_SD * np.ptp(wells.response)) ** 2
    variance = max((around + wells.least_squares) / freedom, least)
    pull = variance / prior.bottom_sd**2 if prior else 0.0
    total = wells.counts @ wells.means**2 + wells.within
    flat = total - (wells.counts @ wells.means) ** 2 / (n + pull)
    gained = max(flat - _least_squares(wells, pull)[0], 0)
    ratio = gained / (PARAMETERS - 1) / variance
    return float(special.fdtrc(PARAMETERS - 1, freedom, ratio)), variance


@dataclasses.dataclass(frozen=True)
class _Grid:
    """The likelihood at E log10 EC50s, S log slopes and V variances of the wells.

    Bottom and top are normal given the others: `plateaus` [2, E, S, V] are their means
    and `spread` [3, E, S, V] variance of bottom, covariance, variance of top.
    """

    log_ec50s: np.ndarray
    log_slopes: np.ndarray
    log_likelihood: np.ndarray
    plateaus: np.ndarray
    spread: np.ndarray

    @functools.cached_property
    def weight(self) -> np.ndarray:
        """Posterior probability [E, S, V] of each node."""
        return special.softmax(self.log_likelihood)

    @functools.cached_property
    def profile(self) -> tuple[np.ndarray, np.ndarray]:
        """log10 EC50s [E] and the integrated log likelihood [E] at each."""
        return self.log_ec50s, special.logsumexp(self.log_likelihood, axis=(1, 2))

    def best_curve(self) -> tuple[float, float, float, float]:
        """Returns bottom, top, EC50 and slope: the best EC50, means of the others."""
        log_ec50s, height = self.profile
        best = height.argmax()
        weight = special.softmax(self.log_likelihood[best])
        bottom, top = (self.plateaus[:, best] * weight).sum(axis=(1, 2))
        slope = np.exp(weight.sum(axis=1) @ self.log_slopes)
        ec50 = 10 ** _peak(log_ec50s, height)
        return float(bottom), float(top), float(ec50), float(slope)

    def at_dose(self, log_dose: float) -> dict[str, float]:
        """Returns the response at a dose, with its interval."""
        slopes = np.exp(self.log_slopes)[:, None]
        rise = _rise(log_dose, self.log_ec50s[:, None, None], slopes)
        fall = 1 - rise
        weight = self.weight
        mean = fall * self.plateaus[0] + rise * self.plateaus[1]
        variance = (
            fall**2 * self.spread[0]
            + 2 * fall * rise * self.spread[1]
            + rise**2 * self.spread[2]
        )
        center = float((weight * mean).sum())
        sd = np.sqrt((weight * (variance + (mean - center) ** 2)).sum())
        reach = float(special.ndtri((1 + LEVEL) / 2) * sd)
        return {
            "rescue": center,
            "rescue_low": center - reach,
            "rescue_high": center + reach,
        }

    def half_way(self, log_doses: np.ndarray, sd: float) -> np.ndarray:
        """Returns the probability [D] that the response is half way or more.

        Args:
          log_doses: [D] log10 uM.
          sd: standard error of half way between the controls.
        """
        weight, log_ec50, slope, mean, (bb, bt, tt) = self._curves
        rise = _rise(log_doses[:, None], log_ec50, slope)
        fall = 1 - rise
        above = fall * mean[0] + rise * mean[1] - absolute_ec50.HALF_WAY
        variance = fall * fall * bb + 2 * fall * rise * bt + rise * rise * tt + sd**2
        return special.ndtr(above / np.sqrt(variance)) @ weight

    @functools.cached_property
    def _curves(self) -> tuple[np.ndarray, ...]:
        """The n pairs of EC50 and slope that are not negligible, scatter integrated.

        Probabilities [n], log10 EC50s [n], slopes [n], and of the plateaus the means
        [2, n] and the variances and covariance [3, n].
        """
        weight = self.weight[::_THINNED]
        sums = weight.sum(axis=2)
        sums = sums / sums.sum()
        is_likely = sums > _NEGLIGIBLE_WEIGHT
        share = weight[is_likely] / weight[is_likely].sum(axis=1, keepdims=True)
        bottom, top = self.plateaus[:, ::_THINNED][:, is_likely]
        mean = np.stack([(share * x).sum(axis=1) for x in (bottom, top)])
        deviations = bottom - mean[0][:, None], top - mean[1][:, None]
        pairs = ((0, 0), (0, 1), (1, 1))
        products = np.stack([deviations[i] * deviations[j] for i, j in pairs])
        spread = self.spread[:, ::_THINNED][:, is_likely] + products
        spread = (spread * share).sum(axis=2)
        e, s = np.nonzero(is_likely)
        log_ec50s, slopes = self.log_ec50s[::_THINNED], np.exp(self.log_slopes)
        return (
            sums[is_likely] / sums[is_likely].sum(),
            log_ec50s[e],
            slopes[s],
            mean,
            spread,
        )


def _integrated(wells: Wells, prior: Prior | None, variance, freedom) -> _Grid:
    """Returns the grid around the likelihood's peak, as fine as the peak is narrow."""
    # Variances at even normal quantiles of their posterior, given the residuals.
    quantiles = special.ndtr(np.linspace(-3, 3, _SCATTERS))
    variances = variance * freedom / (2 * special.gammaincinv(freedom / 2, quantiles))
    widest = _nodes(wells)
    grid = _likelihood(wells, prior, variances, *widest)
    for _ in range(_STAGES):
        heights = (grid.log_likelihood.max(axis=axes) for axes in ((1, 2), (0, 2)))
        now = (grid.log_ec50s, grid.log_slopes)
        closer = [*map(_closer, now, heights, widest)]
        if all(map(_as_good, now, closer)):
            break
        grid = _likelihood(wells, prior, variances, *closer)
    return grid


def _closer(nodes: np.ndarray, height: np.ndarray, widest: np.ndarray) -> np.ndarray:
    """Returns as many nodes, where the likelihood is not negligible.

    If it is not negligible at an end of the nodes, the new ones go beyond that end: the
    widest grid may have met only the foot of a narrow ridge.
    """
    near = np.flatnonzero(height > height.max() - _NEGLIGIBLE)
    step = (nodes[-1] - nodes[0]) / (len(nodes) - 1)
    low = max(nodes[near[0]] - 2 * step, widest[0])
    high = min(nodes[near[-1]] + 2 * step, widest[-1])
    return np.linspace(low, high, len(nodes))


def _as_good(nodes: np.ndarray, closer: np.ndarray) -> bool:
    """Tells whether the closer nodes are within these and not much closer."""
    within = nodes[0] <= closer[0] and closer[-1] <= nodes[-1]
    return bool(within and np.ptp(closer) > np.ptp(nodes) / 2)


def _likelihood(wells, prior, variances, log_ec50s, log_slopes) -> _Grid:
    """Computes the likelihood, integrated over plateaus, times the priors."""
    (bottom, top), (bottom_sd, top_sd) = _expected_plateaus(wells, prior)
    precision, n = 1 / variances, wells.counts.sum()
    bb, bt, tt, by, ty = (s[..., None] for s in _sums(wells, log_ec50s, log_slopes))
    # Two normal equations, each with the prior of its plateau.
    a, b, c = (
        bb * precision + bottom_sd**-2,
        bt * precision,
        tt * precision + top_sd**-2,
    )
    bottom_sum, top_sum = by * precision + bottom * bottom_sd**-2, ty * precision
    top_sum = top_sum + top * top_sd**-2
    determinant = a * c - b * b
    plateaus = (
        np.stack([c * bottom_sum - b * top_sum, a * top_sum - b * bottom_sum])
        / determinant
    )
    total = wells.counts @ wells.means**2 + wells.within
    height = (plateaus[0] * bottom_sum + plateaus[1] * top_sum - total * precision) / 2
    height = height - np.log(determinant) / 2 - n * np.log(variances) / 2
    height += _log_prior(prior, variances)
    height -= (((log_slopes - SLOPE_CENTER) / SLOPE_SD) ** 2 / 2)[:, None]
    spread = np.stack(np.broadcast_arrays(c, -b, a)) / determinant
    return _Grid(log_ec50s, log_slopes, height, plateaus, spread)


def _expected_plateaus(wells: Wells, prior: Prior | None):
    """Means and standard deviations of bottom and top."""
    if prior:
        return (0.0, TOP), (prior.bottom_sd, TOP_SD)
    low, high = wells.means.min(), wells.means.max()
    middle, sd = (low + high) / 2, max(high - low, _TINY)
    return (middle, middle), (sd, sd)


def _log_prior(prior: Prior | None, variances: np.ndarray) -> np.ndarray:
    """Returns the log density of the wells' variance, times the width of each node."""
    log_width = np.log(np.abs(np.gradient(np.log(variances))))
    if not prior:
        return log_width
    terms = np.log(variances) + prior.sd**2 / variances
    return log_width - prior.freedom / 2 * terms


def _peak(nodes: np.ndarray, height: np.ndarray) -> float:
    """Returns the peak of the parabola through the highest node and its neighbours."""
    best = int(height.argmax())
    if not 0 < best < len(nodes) - 1:
        return float(nodes[best])
    before, at, after = height[best - 1 : best + 2]
    bend = before - 2 * at + after
    shift = (before - after) / (2 * bend) if bend < 0 else 0.0
    return float(nodes[best] + np.clip(shift, -0.5, 0.5) * (nodes[1] - nodes[0]))


def _ec50_fields(
    log_ec50s, height, log_doses, freedom, unit: str
) -> dict[str, str | float | None]:
    """Returns status, and EC50 with interval, or the bound."""
    low, high = _limits(log_ec50s, height, _drop((1 + LEVEL) / 2, freedom))
    lowest, highest = _limits(log_ec50s, height, _drop(LEVEL, freedom))
    below = low is None or lowest < log_doses[0]
    above = high is None or highest > log_doses[-1]
    if (below and above) or (above and lowest is None) or (below and highest is None):
        return {"status": f"not identified: {_EITHER_SIDE}"}
    if above:
        return _bound("above", "ec50_low_um", lowest, unit)
    if below:
        return _bound("below", "ec50_high_um", highest, unit)
    return {
        "status": "fitted",
        "ec50_um": float(10 ** _peak(log_ec50s, height)),
        "ec50_low_um": float(10**low),
        "ec50_high_um": float(10**high),
    }


def _drop(level: float, freedom: float) -> float:
    """Returns the fall of Student's log density from its peak to its quantile."""
    t = special.stdtrit(freedom, level)
    return float((freedom + 1) / 2 * np.log1p(t**2 / freedom))


def _bound(
    side: str, key: str, limit: float, unit: str
) -> dict[str, str | float | None]:
    dose = float(10**limit)
    return {
        "status": f"bound: the relative EC50 lies {side} {dose:.2g} {unit}",
        "ec50_bound": side,
        key: dose,
    }


def _limits(nodes, height, drop) -> tuple[float | None, float | None]:
    """Returns where the likelihood has fallen by `drop` from its peak; None if open."""
    limit = height.max() - drop
    inside = np.flatnonzero(height >= limit)
    first, last = inside[0], inside[-1]
    low = _crossing(nodes, height, first, first - 1, limit) if first else None
    ends = last == len(nodes) - 1
    high = None if ends else _crossing(nodes, height, last, last + 1, limit)
    return low, high


def _crossing(nodes, height, inside, outside, limit) -> float:
    share = (height[inside] - limit) / (height[inside] - height[outside])
    return float(nodes[inside] + share * (nodes[outside] - nodes[inside]))


def _r2(values, predicted, weights) -> float:
    center = np.average(values, weights=weights)
    residual = weights @ (values - predicted) ** 2
    return float(
        1 - residual / max(weights @ (values - center) ** 2, np.finfo(float).tiny)
    )
