"""Checks of images that are given as an array to an encoder."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gandl_jax.errors import InputError, nearest

NUMBERS = "iuf"  # kinds of NumPy's dtypes
FORM = "[N, H, W, C], N images of C channels"


def pixels(images: Any, bit_depth: int) -> np.ndarray:
    """Returns the images as an array of raw levels.

    Args:
      images: [N, H, W, C] uint8 or uint16, or nested lists of such an array.
      bit_depth: 8 or 16, of the levels that the encoder takes.

    Raises:
      InputError: they are not numbers, or of another shape or bit depth.
    """
    try:
        pixels = np.asarray(images)
    except ValueError as error:
        raise InputError(
            f"the images have different sizes: give one array {FORM} of one size"
        ) from error
    if pixels.dtype.kind not in NUMBERS:
        raise InputError(
            f"the images are no numbers ({pixels.dtype}): give an array {FORM}, of raw "
            "levels"
        )
    if pixels.ndim != 4 or not len(pixels):
        raise InputError(
            f"the images have the shape {list(pixels.shape)}: give {FORM}, such as "
            "images[..., None] of one channel"
        )
    dtype = {8: np.uint8, 16: np.uint16}[bit_depth]
    if pixels.dtype != dtype:
        raise InputError(
            f"the images are of the type {pixels.dtype}, and the encoder takes raw "
            f"levels of {bit_depth} bits ({np.dtype(dtype)}): give them as their "
            "files hold them, not scaled"
        )
    return pixels


def order(
    count: int, channels: Sequence[str], wanted: Sequence[str]
) -> list[int] | slice:
    """Returns the indices of the encoder's channels in the images, in its order.

    Args:
      count: C of the images.
      channels: their names; () if they are the encoder's, in its order.
      wanted: names of the encoder's channels.

    Raises:
      InputError: their number differs, or one of the encoder's is missing.
    """
    takes = f"the encoder takes {', '.join(wanted)}"
    if not channels:
        if count != len(wanted):
            raise InputError(
                f"the images have {count} channels, and {takes}: name those that "
                "they have, as in channels=('dna', 'actin')"
            )
        return slice(None)
    if len(channels) != count or len(set(channels)) < count:
        raise InputError(
            f"channels names {', '.join(channels)}, and the images have {count} "
            "channels: name each of them once, in their order"
        )
    for name in wanted:
        if name not in channels:
            raise InputError(
                f"{takes}, and the images have no {name!r}: {nearest(name, channels)}"
            )
    return [channels.index(name) for name in wanted]


def check_size(
    size: tuple[int, int], pad_px: int, padding: str, crop_px: int, whole: Any
) -> None:
    """Refuses images that the encoder's tiles do not fit.

    Args:
      size: height and width, reduced but not yet padded.
      pad_px: pixels that the encoder adds on every side.
      padding: "reflect" or "constant".
      crop_px: side of its tiles.
      whole: (height, width) that padded images must have if the encoder corrects
        their illumination; else None or False.

    Raises:
      InputError: an image is too small, or of another size than the illumination.
    """
    smallest, shown = min(size), "x".join(map(str, size))
    least = max(crop_px - 2 * pad_px, pad_px + 1 if padding == "reflect" else 1)
    if smallest < least:
        raise InputError(
            f"the images have {shown} px as the encoder sees them, and it takes "
            f"tiles of {crop_px} px: give images of {least} px or more on each side"
        )
    wanted = whole and tuple(side - 2 * pad_px for side in whole)
    if wanted and size != wanted:
        raise InputError(
            f"the images have {shown} px as the encoder sees them, and it corrects the "
            f"illumination of images of {wanted[0]}x{wanted[1]} px: give whole images"
        )


def rows(plates: Sequence[str], count: int, known: Sequence[str]) -> np.ndarray:
    """Returns the row of levels that each image is stretched by, [N] int.

    Args:
      plates: [N], the plate of each image; () if all are stretched alike.
      count: N.
      known: plates that the encoder was trained with; () if it needs none.

    Raises:
      InputError: plates are needed but missing, or one is unknown.
    """
    if not known:
        return np.zeros(count, int)
    plates = [plates] * count if isinstance(plates, str) else list(plates)
    if len(plates) != count:
        raise InputError(
            f"the encoder stretches each plate's images by themselves, and "
            f"{len(plates)} plates are named for {count} images: name the plate of "
            f"each, as in plates=[{known[0]!r}, ...]"
        )
    for name in plates:
        if name not in known:
            raise InputError(
                f"the encoder knows no levels of the plate {name!r}: "
                f"{nearest(name, known)}"
            )
    return np.array([known.index(name) for name in plates])
