"""Stretching of grey levels to the network's range, in NumPy and TensorFlow.

Imports NumPy only: arrays are stretched on machines that open no prepared screen too.
"""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Levels:
    """The ranges and fields by which grey levels of records are stretched.

    Attributes:
      ranges: [N, 2, C] float64, levels that become -1 and +1.
      plate: [N] int64, index of each record's field; None without correction.
      fields: [P, C, h, w] float64, illumination by which levels are divided.
      rows: [H, h] float64, weights of a field's rows at each row of a padded image.
      columns: [W, w] float64, weights of its columns at each column.
    """

    ranges: np.ndarray
    plate: np.ndarray | None = None
    fields: np.ndarray | None = None
    rows: np.ndarray | None = None
    columns: np.ndarray | None = None

    def constants(self, library: Any) -> "Levels":
        """Returns the same as constants of TensorFlow, the `library`."""
        arrays = (getattr(self, field.name) for field in dataclasses.fields(self))
        return Levels(
            *(None if array is None else library.constant(array) for array in arrays)
        )

    def stretch(self, library: Any, pixels: Any, record: Any, y: Any, x: Any) -> Any:
        """Brings a part of a site to the network's range; it may go beyond it.

        Args:
          library: numpy, or TensorFlow for its constants.
          pixels: [h, w, C] float64, grey levels. A channel may use few of 16 bits, and
            only float64 keeps their differences exactly.
          record: row of the site.
          y: row of the upper left corner, in pixels.
          x: column of the upper left corner, in pixels.

        Returns:
          [h, w, C] float64, with low levels at -1 and high ones at +1.
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
