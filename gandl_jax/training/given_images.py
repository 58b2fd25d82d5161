"""Images that are given as an array: are they what an encoder takes?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gandl_jax.errors import InputError, nearest

NUMBERS = "iuf"  # kinds of NumPy's types
FORM = "[N, H, W, C], N images of C channels"


def pixels(images: Any, bit_depth: int) -> np.ndarray:
    """The images as an array of raw levels.

    Args:
      images: [N, H, W, C] uint8 or uint16, or what NumPy makes such an array of.
      bit_depth: 8 or 16, of the levels that the encoder takes.

    Raises:
      InputError: they are no numbers, of another form, or of another depth.
    """
    try:
        found = np.asarray(images)
    except ValueError as error:
        raise InputError(
            f"the images have different sizes: give one array {FORM} of one size"
        ) from error
    if found.dtype.kind not in NUMBERS:
        raise InputError(
            f"the images are no numbers ({found.dtype}): give an array {FORM}, of raw "
            "levels"
        )
    if found.ndim != 4 or not len(found):
        raise InputError(
            f"the images have the shape {list(found.shape)}: give {FORM}, such as "
            "images[..., None] of one channel"
        )
    wanted = {8: np.uint8, 16: np.uint16}[bit_depth]
    if found.dtype != wanted:
        raise InputError(
            f"the images are of the type {found.dtype}, and the encoder takes raw "
            f"levels of {bit_depth} bits ({np.dtype(wanted)}): give them as their "
            "files hold them, not scaled"
        )
    return found


def order(
    count: int, channels: Sequence[str], wanted: Sequence[str]
) -> list[int] | slice:
    """Which channels of the images are the encoder's, in its order.

    Args:
      count: C of the images.
      channels: their names; () says that they are the encoder's, in its order.
      wanted: the encoder's.

    Raises:
      InputError: another number, or one that the encoder takes is not there.
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
      size: height and width, as the encoder sees them but for the padding.
      pad_px: pixels that it adds on every side.
      padding: "reflect" or "constant".
      crop_px: side of its tiles.
      whole: (height, width) that images must have with the padding, where the encoder
        corrects their illumination; else None.

    Raises:
      InputError: with the sizes that would do.
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
    """[N] int, whose levels each image is stretched by.

    Args:
      plates: [N], the plate of each image; () where all are stretched alike.
      count: N.
      known: plates that the encoder was trained with; () where it needs none.

    Raises:
      InputError: plates are needed and not given, or one is not known.
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
