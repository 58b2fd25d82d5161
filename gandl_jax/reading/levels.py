"""From grey levels to the network's range, in NumPy and TensorFlow alike."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from gandl_jax.errors import InputError
from gandl_jax.prepared import illumination
from gandl_jax.prepared.prepared import ILLUMINATION, Prepared, plates
from gandl_jax.reading.padding import NONE, Padding


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


def grey_levels(
    prepared: Prepared,
    channels: Sequence[str],
    scaling: str,
    correction: str,
    padding: Padding = NONE,
) -> Levels:
    """The levels of a prepared screen.

    Args:
      prepared: the screen.
      channels: C names.
      scaling: `config.data.scaling`.
      correction: `config.data.illumination`.
      padding: around its images.

    Raises:
      InputError: the screen has not what is asked for.
    """
    ranges = prepared.ranges(channels, scaling)
    if correction == "none":
        return Levels(ranges)
    prepared.check_illumination(correction)
    names, fields = prepared.fields or illumination.read(
        prepared.directory, prepared.written(ILLUMINATION)
    )
    chosen = [prepared.channels.index(name) for name in channels]
    return Levels(
        ranges,
        _places(prepared, names),
        fields[:, chosen].astype(np.float64),
        padding.along(illumination.between(prepared.height_px)),
        padding.along(illumination.between(prepared.width_px)),
    )


def _places(prepared: Prepared, names: Sequence[str]) -> np.ndarray:
    """[N] int64, the place of each record's plate among those of the fields."""
    own = plates(prepared.table)
    if own is None:  # then one field is of all images
        own = names * prepared.records
    number = {name: i for i, name in enumerate(names)}
    if lacking := set(map(str, own)) - number.keys():
        raise InputError(
            f"{prepared.directory}/{ILLUMINATION} holds no field of {len(lacking)} "
            f"plates, the first {min(lacking)!r}: delete it and run --job=prepare "
            "again, or set --config.data.illumination=none"
        )
    return np.array([number[name] for name in own])
