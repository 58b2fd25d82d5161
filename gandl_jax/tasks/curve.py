"""The four-parameter logistic: one dose-response curve and how sure it is."""

import dataclasses

import numpy as np
from scipy import optimize, stats

LEVEL = 0.95  # of the EC50's interval
SLOPES = (0.3, 8.0)  # Hill slopes that are searched (ours)
DECADES_BEYOND = 1.0  # how far past the doses an EC50 is searched (ours)
PLATEAUS = (-1.0, 2.0)  # a plateau may lie this far, the controls being 0 and 1 (ours)
PLATEAU_BEYOND = 0.5  # or this far past the data, in their range, if that is more
PARAMETERS = 4


@dataclasses.dataclass(frozen=True)
class Curve:
    """A fitted curve; what could not be told is None.

    Attributes:
      status: "fitted", "not identified: why", or "no effect", which `fit` never says:
        how small p_effect must be depends on how many curves are tested.
      ec50_um: the best estimate, in uM.
      ec50_low_um: lower end of the 95 % interval; None where it is open.
      ec50_high_um: upper end.
      slope: Hill slope > 0.
      bottom: response at the lowest doses.
      top: response at the highest; below bottom for a falling curve.
      response_at_highest_dose: of the curve, at the highest dose that was tested.
      r2: share of the variance between wells that the curve explains.
      r2_dose_means: the same between the doses' means.
      p_effect: of the F test against a flat line.
    """

    status: str
    ec50_um: float | None = None
    ec50_low_um: float | None = None
    ec50_high_um: float | None = None
    slope: float | None = None
    bottom: float | None = None
    top: float | None = None
    response_at_highest_dose: float | None = None
    r2: float | None = None
    r2_dose_means: float | None = None
    p_effect: float | None = None


def logistic(
    dose: np.ndarray, bottom: float, top: float, ec50: float, slope: float
) -> np.ndarray:
    """The response at each dose: bottom + (top - bottom) / (1 + (ec50 / dose)^slope).

    Args:
      dose: [N] uM > 0.
      bottom: response at dose 0.
      top: response at an endless dose.
      ec50: uM, where half of the way is gone.
      slope: Hill slope > 0.

    Returns:
      [N] float64.
    """
    return bottom + (top - bottom) * _rise(np.log10(dose), np.log10(ec50), slope)


def fit(dose: np.ndarray, response: np.ndarray) -> Curve:
    """Fits by least squares; the interval is by profile likelihood.

    All EC50s and slopes of a grid are tried, each with its best plateaus, so there is
    no starting value to get wrong; the best is then refined. The interval holds every
    EC50 whose residual sum of squares an F test does not tell from the least one
    (Bates and Watts 1988, chapter 6). The test for an effect takes 3 and N - 4 degrees
    of freedom, which under no effect calls 1 to 3 % where 5 % are allowed.

    Args:
      dose: [N] uM > 0, one per well.
      response: [N] float, 0 and 1 at the controls.

    Returns:
      The curve; only a constant response is "no effect" here.
    """
    dose, response = np.asarray(dose, float), np.asarray(response, float)
    freedom = len(dose) - PARAMETERS
    doses = len(np.unique(dose))
    if freedom < 2 or doses < 3:
        return Curve(f"not identified: only {len(dose)} wells at {doses} doses")
    flat = float(((response - response.mean()) ** 2).sum())
    box = _plateau_box(dose, response)
    if not flat > 0:
        return no_effect(response, p_effect=1.0)
    log_ec50s, profile, start = _search(dose, response, box)
    best, least = _refine(dose, response, box, start)
    limit = least * (1 + stats.f.ppf(LEVEL, 1, freedom) / freedom)
    low, high = _interval(log_ec50s, profile, np.log10(best[2]), least, limit)
    return Curve(
        _status(best[2], low, high, dose),
        ec50_um=best[2],
        ec50_low_um=low,
        ec50_high_um=high,
        slope=best[3],
        bottom=best[0],
        top=best[1],
        response_at_highest_dose=float(logistic(dose.max(), *best)),
        r2=1 - least / flat,
        r2_dose_means=_r2_dose_means(dose, response, best),
        p_effect=_p_effect(flat, least, freedom),
    )


def no_effect(response: np.ndarray, p_effect: float) -> Curve:
    """The flat line through wells that show no effect of the dose.

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
        r2=0.0,
        p_effect=p_effect,
    )


def _rise(log_dose, log_ec50, slope):
    return 1 / (1 + 10.0 ** (slope * (log_ec50 - log_dose)))


def _dose_means(dose, response):
    doses, member = np.unique(dose, return_inverse=True)
    counts = np.bincount(member)
    return doses, np.bincount(member, response) / counts, counts


def _plateau_box(dose, response) -> tuple[float, float]:
    """Limits of both plateaus.

    They must lie well past the data: a box close around a curve that has not levelled
    off would make up its top, and with it a false certainty about the EC50.
    """
    _, means, _ = _dose_means(dose, response)
    margin = PLATEAU_BEYOND * np.ptp(means)
    return (
        float(min(PLATEAUS[0], means.min() - margin)),
        float(max(PLATEAUS[1], means.max() + margin)),
    )


def _search(dose, response, box):
    """The residual sum of squares over a grid of EC50s [E] and slopes [S].

    Returns:
      log10 EC50s [E], the least sum at each [E], and the best (bottom, top, ec50,
      slope) of the grid.
    """
    log_dose = np.log10(dose)
    low, high = log_dose.min() - DECADES_BEYOND, log_dose.max() + DECADES_BEYOND
    log_ec50s, slopes = np.linspace(low, high, 161), np.geomspace(*SLOPES, 25)
    doses, means, counts = _dose_means(dose, response)
    rise = _rise(np.log10(doses), log_ec50s[:, None, None], slopes[:, None])
    bottom, top, lack = _best_plateaus(rise, means, counts, box)
    within = ((response - means[np.searchsorted(doses, dose)]) ** 2).sum()
    e, s = np.unravel_index(lack.argmin(), lack.shape)
    start = (bottom[e, s], top[e, s], 10 ** log_ec50s[e], slopes[s])
    return log_ec50s, within + lack.min(axis=1), start


def _best_plateaus(rise, means, counts, box):
    """Least squares of means on bottom (1 - rise) + top rise, both within the box.

    A convex function of two numbers has its least value in a box at its free optimum,
    if that lies inside, or else on one of the four edges.

    Args:
      rise: [..., K] float in [0, 1].
      means: [K] mean response at each dose.
      counts: [K] wells at each dose.
      box: (low, high) of both plateaus.

    Returns:
      bottom, top and the weighted sum of squares, each [...].
    """
    fall = 1 - rise
    tiny = np.finfo(float).tiny
    bb, tt = (counts * fall**2).sum(-1) + tiny, (counts * rise**2).sum(-1) + tiny
    bt = (counts * fall * rise).sum(-1)
    by, ty = (counts * fall * means).sum(-1), (counts * rise * means).sum(-1)

    determinant = np.maximum(bb * tt - bt**2, tiny)
    free = (tt * by - bt * ty) / determinant, (bb * ty - bt * by) / determinant
    choices = [tuple(np.where(_inside(free, box), value, box[0]) for value in free)]
    for edge in np.broadcast_arrays(*box, bb)[:2]:
        choices.append((edge, np.clip((ty - bt * edge) / tt, *box)))
        choices.append((np.clip((by - bt * edge) / bb, *box), edge))
    bottoms, tops = np.stack([c[0] for c in choices]), np.stack([c[1] for c in choices])
    sums = bottoms**2 * bb + 2 * bottoms * tops * bt + tops**2 * tt
    sums += (counts * means**2).sum() - 2 * (bottoms * by + tops * ty)
    best = sums.argmin(0)[None]
    bottom, top, least = (
        np.take_along_axis(values, best, 0)[0] for values in (bottoms, tops, sums)
    )
    return bottom, top, np.maximum(least, 0)


def _inside(plateaus, box):
    bottom, top = plateaus
    return (np.minimum(bottom, top) >= box[0]) & (np.maximum(bottom, top) <= box[1])


def _refine(dose, response, box, start) -> tuple[list[float], float]:
    """From the grid's best to the least sum of squares, within the same limits."""
    log_dose = np.log10(dose)
    reach = log_dose.min() - DECADES_BEYOND, log_dose.max() + DECADES_BEYOND
    lower, upper = zip(box, box, reach, np.log(SLOPES), strict=True)

    def residuals(p):
        return p[0] + (p[1] - p[0]) * _rise(log_dose, p[2], np.exp(p[3])) - response

    first = np.array([start[0], start[1], np.log10(start[2]), np.log(start[3])])
    margin = 1e-9 * (np.array(upper) - np.array(lower))
    first = np.clip(first, np.array(lower) + margin, np.array(upper) - margin)
    found = optimize.least_squares(residuals, first, bounds=(lower, upper))
    bottom, top, log_ec50, log_slope = map(float, found.x)
    best = [bottom, top, 10**log_ec50, float(np.exp(log_slope))]
    return best, float(2 * found.cost)


def _p_effect(flat: float, least: float, freedom: int) -> float:
    extra = PARAMETERS - 1
    ratio = (flat - least) / extra / max(least / freedom, np.finfo(float).tiny)
    return float(stats.f.sf(ratio, extra, freedom))


def _interval(log_ec50s, profile, best, least, limit):
    """Where the profile crosses the limit on both sides; None where it does not."""
    at = np.searchsorted(log_ec50s, best)
    where = np.insert(log_ec50s, at, best)
    height = np.maximum(np.insert(profile, at, least), least)
    allowed = np.flatnonzero(height <= limit)
    first, last = allowed[0], allowed[-1]
    low = _crossing(where, height, first, first - 1, limit) if first else None
    end = last == len(where) - 1
    high = None if end else _crossing(where, height, last, last + 1, limit)
    return low, high


def _crossing(where, height, inside, outside, limit) -> float:
    share = (limit - height[inside]) / (height[outside] - height[inside])
    return float(10 ** (where[inside] + share * (where[outside] - where[inside])))


def _status(ec50, low, high, dose) -> str:
    if low is None or high is None:
        sides = [name for name, end in (("below", low), ("above", high)) if end is None]
        return f"not identified: the EC50 has no limit {' or '.join(sides)}"
    if not dose.min() <= ec50 <= dose.max():
        side, end = ("below", min) if ec50 < dose.min() else ("above", max)
        return f"not identified: the EC50 lies {side} the doses ({end(dose):g} uM)"
    return "fitted"


def _r2_dose_means(dose, response, best) -> float:
    doses, means, _ = _dose_means(dose, response)
    left = ((means - logistic(doses, *best)) ** 2).sum()
    return float(1 - left / ((means - means.mean()) ** 2).sum())
