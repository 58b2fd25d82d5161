"""Frechet distance of two sets of features (Heusel et al. 2017, 1706.08500).

Both sets are taken as normally distributed. The estimate is biased upwards, more so
with fewer images: only distances of equal numbers of images may be compared.
"""

import numpy as np


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Computes |mean difference|^2 + trace(A + B - 2 (A B)^(1/2)), covariances A, B.

    The trace of the root is the sum of the singular values of X Y^T, for A = X^T X and
    B = Y^T Y: exact also with fewer images than features.

    Args:
      first: [N, D] floating, N at least 2.
      second: [M, D] floating, M at least 2.
    """
    (mean, x), (other_mean, y) = _centred(first), _centred(second)
    roots = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    mean_term = np.square(mean - other_mean).sum()
    value = mean_term + np.square(x).sum() + np.square(y).sum() - 2 * roots
    return float(max(value, 0.0))


def _centred(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean [D], and a matrix [at most D, D] with covariance X^T X."""
    features = np.asarray(features, np.float64)
    mean = features.mean(0)
    x = (features - mean) / np.sqrt(len(features) - 1)
    return mean, np.linalg.qr(x, mode="r") if len(x) > x.shape[1] else x
