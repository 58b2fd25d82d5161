"""Are generated images copies of training images?

The distance of two images is the root mean square over pixels and channels of their
thumbnails, in [-1, 1], in the nearest of the orientations that training showed. An
image is as near as a copy where that to its nearest training image is less than all but
`NEAR_FRAC` of real images have to their own nearest other one (ours).
"""

import dataclasses

import numpy as np

from gandl_jax.jobs.generate import thumbnails

NEAR_FRAC = 0.01
MOST_REAL = 1_000  # of which the distances to others are looked at, evenly spread
BLOCK = 512  # images that are compared at a time


@dataclasses.dataclass(frozen=True)
class Nearest:
    """The nearest training image of each generated one.

    Attributes:
      image: [N] int, which of the training images.
      distance: [N] float64.
      near: below this distance a generated image is as near as a copy.
    """

    image: np.ndarray
    distance: np.ndarray
    near: float

    @property
    def is_near(self) -> np.ndarray:
        """[N] bool."""
        return self.distance < self.near


def find(
    generated: np.ndarray,
    real: np.ndarray,
    of: np.ndarray,
    *,
    flips: bool,
    rotations: bool,
) -> Nearest:
    """Compares all generated images with all training images.

    Args:
      generated: [N, s, s, C] thumbnails.
      real: [R, s, s, C] thumbnails, R of two records at least.
      of: [R] record of each; tiles of one record are not held against one another.
      flips, rotations: what training showed.
    """
    shown = thumbnails.oriented(real, flips=flips, rotations=rotations)
    flat = [x.reshape(len(x), -1).astype(np.float32) for x in shown]
    rows = generated.reshape(len(generated), -1)
    image, distance = _nearest(rows, flat, np.full(len(rows), -1), of)
    some = np.linspace(0, len(real) - 1, min(len(real), MOST_REAL)).round().astype(int)
    _, usual = _nearest(real.reshape(len(real), -1)[some], flat, of[some], of)
    return Nearest(image, distance, float(np.quantile(usual, NEAR_FRAC)))


def _nearest(
    rows: np.ndarray, shown: list[np.ndarray], own: np.ndarray, of: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Place and distance of the nearest of another record, [n] each."""
    place, best = np.zeros(len(rows), int), np.full(len(rows), np.inf)
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        is_own = own[part][:, None] == of[None]
        for other in shown:
            squares = _squares(rows[part], other)
            squares[is_own] = np.inf
            here = squares.argmin(1)
            least = squares[np.arange(len(here)), here]
            better = least < best[part]
            place[part] = np.where(better, here, place[part])
            best[part] = np.minimum(best[part], least)
    return place, np.sqrt(best)


def _squares(rows: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[n, R] mean squared differences."""
    rows = rows.astype(np.float32)
    total = (rows**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * rows @ other.T
    return np.maximum(total.astype(np.float64), 0) / rows.shape[1]
