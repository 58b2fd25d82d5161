"""From grey levels to the network's range, in NumPy and TensorFlow alike.

Imports nothing but NumPy's types: arrays are stretched where no screen can be opened.
"""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Levels:
    """What becomes of the grey levels of each record.

    Attributes:
      ranges: [N, 2, C] float64, levels that become -1 and +1.
      plate: [N] int64, which of the fields; None where none is asked for.
      fields: [P, C, h, w] float64, by which levels are divided.
      rows: [H, h] float64, weights of a field's rows at each row of a padded image.
      columns: [W, w] float64, the same for columns.
    """

    ranges: np.ndarray
    plate: np.ndarray | None = None
    fields: np.ndarray | None = None
    rows: np.ndarray | None = None
    columns: np.ndarray | None = None

    def constants(self, library: Any) -> "Levels":
        """The same as tensors: `library` is TensorFlow."""
        arrays = (getattr(self, field.name) for field in dataclasses.fields(self))
        return Levels(*(None if x is None else library.constant(x) for x in arrays))

    def stretch(self, library: Any, pixels: Any, record: Any, y: Any, x: Any) -> Any:
        """Brings a part of a site to the network's range; it may go beyond it.

        Args:
          library: numpy, or TensorFlow for constants of it.
          pixels: [h, w, C] float64, grey levels. Of 16 bits a channel may use few: only
            float64 keeps the differences whole.
          record: whose.
          y: of the upper left corner, in pixels.
          x: of the same corner, in pixels.

        Returns:
          [h, w, C] float64, low levels at -1 and high ones at +1.
        """
        if self.plate is not None:
            height, width = pixels.shape[:2]
            field = library.einsum(
                "yi,cij,xj->yxc",
                self.rows[y : y + height],
                self.fields[self.plate[record]],
                self.columns[x : x + width],
            )
            pixels = pixels / field
        ends = self.ranges[record]
        return (pixels - ends[0]) / (ends[1] - ends[0]) * 2 - 1
