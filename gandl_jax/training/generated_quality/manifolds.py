"""Precision and recall of generated images (Kynkaanniemi et al. 2019, 1904.06991).

A set's manifold is the union of balls about its images, each with the distance to the
k-th nearest other image as radius. Precision is the share of generated images on the
manifold of real ones, recall that of real images on the manifold of generated ones.
"""

import numpy as np

NEAREST = 3  # k (their sec. 3)
ROWS = 500  # images that are compared at a time


def precision_and_recall(
    real: np.ndarray, generated: np.ndarray
) -> tuple[float, float]:
    """Computes precision and recall, in [0, 1].

    Args:
      real: [N, D] floating, N at least 2; with fewer than 4 images k is N - 1.
      generated: [M, D] floating, M at least 2.
    """
    return _share_on(real, generated), _share_on(generated, real)


def _share_on(manifold: np.ndarray, images: np.ndarray) -> float:
    """Computes the share of images that lie in at least one ball of the manifold."""
    k = min(NEAREST, len(manifold) - 1)
    # An image is its own nearest one.
    radius = np.concatenate(
        [np.partition(part, k, 1)[:, k] for part in _squares(manifold, manifold)]
    )
    inside = [(part <= radius).any(1) for part in _squares(images, manifold)]
    return float(np.concatenate(inside).mean())


def _squares(rows: np.ndarray, others: np.ndarray):
    """Yields squared distances [n, N] of a block of rows after the other."""
    lengths = np.square(others).sum(1)
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        squares = np.square(part).sum(1)[:, None] + lengths - 2 * part @ others.T
        yield np.maximum(squares, 0)
