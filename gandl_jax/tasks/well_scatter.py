"""Scatter of wells around their curves, estimated from all curves of a screen."""

import numpy as np
from scipy import optimize, special

MIN_CURVES = 3  # to estimate how the scatter varies between curves (ours)
_FREEDOMS = 1e-2, 1e4


def common(variances: np.ndarray, freedoms: np.ndarray) -> tuple[float, float]:
    """Estimates the scatter that curves have in common, and its degrees of freedom.

    Variances are modelled as draws s^2 = sd^2 F(d, d0), as by Smyth (2004) for genes;
    sd and d0 are estimated from mean and variance of their logarithms.

    Args:
      variances: [K] > 0 of the wells around each curve.
      freedoms: [K] d > 0, of each variance.

    Returns:
      sd, and d0: its degrees of freedom as a prior of a further curve, at most those of
      all variances. (1.0, 0.0), which is no prior, for fewer than three variances.
    """
    is_positive = variances > 0
    variances, freedoms = variances[is_positive], freedoms[is_positive]
    if len(variances) < MIN_CURVES:
        return 1.0, 0.0
    half = freedoms / 2
    logs = np.log(variances) - special.digamma(half) + np.log(half)
    excess = logs.var(ddof=1) - special.polygamma(1, half).mean()
    most = float(freedoms.sum())
    freedom = min(_freedom(excess), most)
    center = logs.mean() + special.digamma(freedom / 2) - np.log(freedom / 2)
    return float(np.exp(center / 2)), freedom


def _freedom(excess: float) -> float:
    """Returns d0 with trigamma(d0 / 2) = excess; infinite if variances are alike."""
    low, high = _FREEDOMS
    if excess <= special.polygamma(1, high / 2):
        return np.inf
    if excess >= special.polygamma(1, low / 2):
        return low
    return optimize.brentq(lambda d: special.polygamma(1, d / 2) - excess, low, high)
