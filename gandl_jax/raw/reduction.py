"""Reduction of images for the shards: fewer pixels, by means of blocks; fewer bits."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # it needs libraries that arrays do not
    from gandl_jax.raw.image_files import ImageFormat


@dataclasses.dataclass(frozen=True)
class Reduction:
    """Reduction that `prepare` applies to each channel of an image.

    Attributes:
      downscale: factor; blocks of this many pixels a side become one.
      white: 16-bit level that becomes 255 of 8 bits; 0 keeps the depth.
    """

    downscale: int = 1
    white: int = 0

    @property
    def is_none(self) -> bool:
        """Returns True if images are not changed."""
        return self == Reduction()

    def size_px(self, image_format: "ImageFormat") -> tuple[int, int]:
        """Returns height and width of reduced images of a format."""
        sides = image_format.height_px, image_format.width_px
        return sides[0] // self.downscale, sides[1] // self.downscale

    def bit_depth(self, image_format: "ImageFormat") -> int:
        """Returns the bits of reduced images of a format, 8 or 16."""
        return 8 if self.white else image_format.bit_depth

    def reduce(self, pixels: np.ndarray) -> np.ndarray:
        """Reduces a channel [H, W] uint8 or uint16: pixels first, then bits."""
        smaller = area_mean(pixels, self.downscale)
        return eight_bits(smaller, self.white) if self.white else smaller

    def reduce_all(self, image: np.ndarray) -> np.ndarray:
        """Reduces the channels of an image [H, W, C] of levels, each separately."""
        if self.is_none:
            return image
        return np.stack(
            [self.reduce(channel) for channel in np.moveaxis(image, -1, 0)], -1
        )


def eight_bits(pixels: np.ndarray, white: int) -> np.ndarray:
    """Maps levels from 0 to `white` to 0 to 255; clips higher ones.

    Args:
      pixels: [H, W] uint16.
      white: at least 1.

    Returns:
      [H, W] uint8, rounded to the nearest level, half to even.
    """
    levels = np.minimum(np.arange(2**16), white) * (255 / white)
    return np.rint(levels).astype(np.uint8)[pixels]


def area_mean(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Averages blocks of `factor` x `factor` pixels.

    Rows and columns beyond the last whole block are cut off.

    Args:
      pixels: [H, W] uint8 or uint16.
      factor: at least 1; 1 changes nothing.

    Returns:
      [H // factor, W // factor] of the same dtype, the exact means rounded to the
      nearest level, half to even.
    """
    if factor == 1:
        return pixels
    height, width = (side // factor for side in pixels.shape)
    kept = pixels[: height * factor, : width * factor]
    # Rows first: NumPy sums long runs of memory ten times as fast as short ones.
    rows = kept.reshape(height, factor, -1).sum(1, dtype=np.uint64)
    sums = sum(rows[:, i::factor] for i in range(factor))
    return np.rint(sums / factor**2).astype(pixels.dtype)
