"""How much wells scatter around their curves, learnt from all curves of a screen."""

import numpy as np
from scipy import optimize, special

MIN_CURVES = 3  # to tell how unlike the scatter of curves is (ours)
_FREEDOMS = 1e-2, 1e4


def common(variances: np.ndarray, freedoms: np.ndarray) -> tuple[float, float]:
    """The scatter that curves have in common, and how sure it is of any one of them.

    Variances are taken for draws s^2 = sd^2 F(d, d0), as Smyth (2004) does for genes;
    sd and d0 are found from mean and variance of their logarithms.

    Args:
      variances: [K] > 0 of the wells around each curve.
      freedoms: [K] d > 0, of each variance.

    Returns:
      sd, and d0: the degrees of freedom that knowing it is worth for a further curve,
      at most those of all variances. (1.0, 0.0) where fewer than three variances tell
      nothing.
    """
    known = variances > 0
    variances, freedoms = variances[known], freedoms[known]
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
    """d0 with trigamma(d0 / 2) = excess; endless where the variances are alike."""
    low, high = _FREEDOMS
    if excess <= special.polygamma(1, high / 2):
        return np.inf
    if excess >= special.polygamma(1, low / 2):
        return low
    return optimize.brentq(lambda d: special.polygamma(1, d / 2) - excess, low, high)
