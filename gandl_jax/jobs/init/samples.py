"""Some images of a screen: their format, and the channels of a record."""

import collections
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from gandl_jax.errors import RunError
from gandl_jax.raw import image_files
from gandl_jax.raw.image_files import ImageFormat, Unreadable
from gandl_jax.raw.raw_files import RawFiles

LOOKED_AT = 200  # headers (ours)


class Formats(NamedTuple):
    """What some images are.

    Attributes:
      common: the format that most have; None where none can be read.
      others: what the others are, in words, to an example.
      looked_at: how many headers.
    """

    common: ImageFormat | None
    others: dict[str, str]
    looked_at: int


def formats(files: RawFiles, images: Sequence[str]) -> Formats:
    """Reads the headers of images, evenly chosen."""
    some = images[:: max(1, len(images) // LOOKED_AT)]
    found = {path: _format(files, path) for path in some}
    usable = (one for one in found.values() if isinstance(one, ImageFormat))
    counts = collections.Counter(usable)
    common = counts.most_common(1)[0][0] if counts else None
    others: dict[str, str] = {}
    for path, one in found.items():
        if one != common:
            others.setdefault(str(one), path)
    return Formats(common, others, len(some))


def _format(files: RawFiles, path: str) -> ImageFormat | str:
    try:
        return files.read_format(path)
    except (Unreadable, RunError) as error:
        return str(error)


def site(files: RawFiles, paths: Sequence[str]) -> np.ndarray | None:
    """The channels of a record, [H, W, C]; None where one cannot be read.

    Args:
      files: of the screen.
      paths: of its channels, or of the one file that has all.
    """
    try:
        planes = [_pixels(files.read_image(path)) for path in paths]
        return np.concatenate(planes, -1)
    except (Unreadable, RunError, OSError, ValueError):
        return None


def _pixels(data: bytes | np.ndarray) -> np.ndarray:
    """[H, W, planes] of a PNG, a TIFF or a plate's image."""
    if isinstance(data, np.ndarray):
        return data
    if image_files.is_tiff(data):
        return image_files.decode_tiff(data)[1]
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return pixels[..., None] if pixels.ndim == 2 else pixels
