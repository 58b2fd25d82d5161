"""Copies of training images among generated ones.

The distance of two images is the root mean square difference of their thumbnails, in
[-1, 1], over pixels and channels, in the nearest of the orientations that training
showed. An image is as near as a copy if its distance to the nearest training image is
below the `NEAR_FRAC` quantile of that of real images to other real ones (ours).
"""

import dataclasses

import numpy as np

from gandl_jax.jobs.generate import thumbnails

NEAR_FRAC = 0.01
MOST_REAL = 1_000  # images whose distances to others are computed, evenly spread
BLOCK = 512  # images that are compared at a time


@dataclasses.dataclass(frozen=True)
class Nearest:
    """Nearest training image of each generated one.

    Attributes:
      image: [N] int, number of the training image.
      distance: [N] float64.
      near: below this distance a generated image is as near as a copy.
    """

    image: np.ndarray
    distance: np.ndarray
    near: float

    @property
    def is_near(self) -> np.ndarray:
        """Returns [N] bool, True for images as near as a copy."""
        return self.distance < self.near


def find(
    generated: np.ndarray,
    real: np.ndarray,
    records: np.ndarray,
    *,
    flips: bool,
    rotations: bool,
) -> Nearest:
    """Compares all generated images with all training images.

    Args:
      generated: [N, s, s, C] thumbnails.
      real: [R, s, s, C] thumbnails, R of two records at least.
      records: [R] record of each; tiles of one record are not compared.
      flips, rotations: True if training showed them.
    """
    shown = thumbnails.oriented(real, flips=flips, rotations=rotations)
    flat_real = [images.reshape(len(images), -1).astype(np.float32) for images in shown]
    flat_generated = generated.reshape(len(generated), -1)
    image, distance = _nearest(
        flat_generated, flat_real, np.full(len(flat_generated), -1), records
    )
    sample = (
        np.linspace(0, len(real) - 1, min(len(real), MOST_REAL)).round().astype(int)
    )
    _, real_distance = _nearest(
        real.reshape(len(real), -1)[sample], flat_real, records[sample], records
    )
    return Nearest(image, distance, float(np.quantile(real_distance, NEAR_FRAC)))


def _nearest(
    rows: np.ndarray,
    shown: list[np.ndarray],
    own_records: np.ndarray,
    records: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns number and distance of the nearest image of another record, [n] each."""
    image, best = np.zeros(len(rows), int), np.full(len(rows), np.inf)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        is_own = own_records[block][:, None] == records[None]
        for real in shown:
            squares = _squares(rows[block], real)
            squares[is_own] = np.inf
            nearest = squares.argmin(1)
            least = squares[np.arange(len(nearest)), nearest]
            better = least < best[block]
            image[block] = np.where(better, nearest, image[block])
            best[block] = np.minimum(best[block], least)
    return image, np.sqrt(best)


def _squares(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns [n, R] mean squared differences."""
    rows = rows.astype(np.float32)
    total = (rows**2).sum(1)[:, None] + (others**2).sum(1)[None] - 2 * rows @ others.T
    return np.maximum(total.astype(np.float64), 0) / rows.shape[1]
