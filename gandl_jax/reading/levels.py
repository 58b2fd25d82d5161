"""The grey levels of a prepared screen that become the network's range."""

from collections.abc import Sequence

import numpy as np

from gandl_jax.errors import InputError
from gandl_jax.prepared import illumination
from gandl_jax.prepared.prepared import ILLUMINATION, Prepared, plates
from gandl_jax.reading.padding import NONE, Padding
from gandl_jax.reading.stretching import Levels


def unstretched(images: np.ndarray, ends: np.ndarray, bit_depth: int) -> np.ndarray:
    """Brings images from the network's range back to grey levels.

    Args:
      images: [N, H, W, C] float, -1 to 1; values beyond are clipped.
      ends: [N, 2, C] float64, the levels that are -1 and +1, as in `Prepared.ranges`.
      bit_depth: 8 or 16.

    Returns:
      [N, H, W, C] uint8 or uint16, rounded to the nearest level.
    """
    low, high = (ends[:, None, None, end] for end in (0, 1))
    values = np.clip(images.astype(np.float64), -1, 1)
    values += 1  # in place, as this is done of every image that is drawn
    values /= 2
    values *= high - low
    values += low
    np.rint(values, out=values)
    np.clip(values, 0, 2**bit_depth - 1, out=values)
    return values.astype(np.uint8 if bit_depth == 8 else np.uint16)


def grey_levels(
    prepared: Prepared,
    channels: Sequence[str],
    scaling: str,
    correction: str,
    padding: Padding = NONE,
) -> Levels:
    """Returns the levels of a prepared screen.

    Args:
      prepared: the screen.
      channels: C names.
      scaling: `config.data.scaling`.
      correction: `config.data.illumination`.
      padding: of its images.

    Raises:
      InputError: the screen lacks the plates or illumination that are needed.
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
        _plate_indices(prepared, names),
        fields[:, chosen].astype(np.float64),
        padding.along(illumination.between(prepared.height_px)),
        padding.along(illumination.between(prepared.width_px)),
    )


def _plate_indices(prepared: Prepared, names: Sequence[str]) -> np.ndarray:
    """Returns the index of each record's plate among those of the fields, [N] int64."""
    record_plates = plates(prepared.table)
    if record_plates is None:  # then one field holds for all images
        record_plates = names * prepared.records
    number = {name: index for index, name in enumerate(names)}
    if lacking := set(map(str, record_plates)) - number.keys():
        raise InputError(
            f"{prepared.directory}/{ILLUMINATION} holds no field of {len(lacking)} "
            f"plates, the first {min(lacking)!r}: delete it and run --job=prepare "
            "again, or set --config.data.illumination=none"
        )
    return np.array([number[name] for name in record_plates])
