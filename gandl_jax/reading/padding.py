"""Pixels added around images: config.data.pad_px and config.data.padding.

Padding is for images that are smaller than a crop, or of an awkward size. A reflected
pixel keeps the level and the illumination of the pixel that it mirrors; a constant one
has level 0, below all percentiles: it becomes -1, the channel's darkest.
"""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Padding:
    """Pixels added on every side of an image.

    Attributes:
      px: pixels; 0 is none.
      mode: "reflect", about the outermost pixels, or "constant".
    """

    px: int = 0
    mode: str = "reflect"

    def size(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Returns height and width of padded images, in pixels."""
        return height_px + 2 * self.px, width_px + 2 * self.px

    def around(self, library: Any, image: Any) -> Any:
        """Pads an image.

        Args:
          library: numpy, or TensorFlow.
          image: [H, W] or [H, W, C], grey levels.
        """
        if not self.px:
            return image
        sides = [[self.px, self.px]] * 2 + [[0, 0]] * (len(image.shape) - 2)
        return library.pad(image, sides, self.mode)

    def along(self, weights: np.ndarray) -> np.ndarray:
        """Pads weights [H, h] of an image's rows (or columns) like the image.

        Constant pixels take the nearest row's weights: 0 divided by a field stays 0.
        """
        mode = {"reflect": "reflect", "constant": "edge"}[self.mode]
        return np.pad(weights, ((self.px, self.px), (0, 0)), mode)


NONE = Padding()
