"""The Frechet distance of two sets of features (Heusel et al. 2017, 1706.08500).

Both sets are taken for normal. The estimate is biased upwards, more so the fewer images
there are: only distances at equal counts may be compared.
"""

import numpy as np


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """|difference of means|^2 + trace(A + B - 2 (A B)^(1/2)) of covariances A and B.

    The trace of the root is the sum of the singular values of X Y^T, for A = X^T X and
    B = Y^T Y: exact where there are fewer images than features, too.

    Args:
      first: [N, D] floating, N at least 2.
      second: [M, D] floating, M at least 2.
    """
    (mean, x), (other_mean, y) = _centred(first), _centred(second)
    roots = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    apart = np.square(mean - other_mean).sum()
    value = apart + np.square(x).sum() + np.square(y).sum() - 2 * roots
    return float(max(value, 0.0))


def _centred(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [D], and a matrix [at most D, D] whose X^T X is the covariance."""
    features = np.asarray(features, np.float64)
    mean = features.mean(0)
    x = (features - mean) / np.sqrt(len(features) - 1)
    return mean, np.linalg.qr(x, mode="r") if len(x) > x.shape[1] else x
