"""Samples of a screen's images: their formats, and the channels of a record."""

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

SAMPLED = 200  # headers (ours)


class Formats(NamedTuple):
    """Formats of sampled images.

    Attributes:
      common: the most frequent format; None if none can be read.
      others: description of any other format, or error, to an example's path.
      looked_at: number of headers that were read.
    """

    common: ImageFormat | None
    others: dict[str, str]
    looked_at: int


def formats(source: RawFiles, images: Sequence[str]) -> Formats:
    """Reads the headers of images, evenly sampled."""
    sample = images[:: max(1, len(images) // SAMPLED)]
    by_path = {path: _format(source, path) for path in sample}
    readable = (value for value in by_path.values() if isinstance(value, ImageFormat))
    counts = collections.Counter(readable)
    common = counts.most_common(1)[0][0] if counts else None
    others: dict[str, str] = {}
    for path, image_format in by_path.items():
        if image_format != common:
            others.setdefault(str(image_format), path)
    return Formats(common, others, len(sample))


def _format(source: RawFiles, path: str) -> ImageFormat | str:
    try:
        return source.read_format(path)
    except (Unreadable, RunError) as error:
        return str(error)


def site(source: RawFiles, paths: Sequence[str]) -> np.ndarray | None:
    """Reads the channels of a record, [H, W, C]; returns None if one is unreadable.

    Args:
      source: the screen's files.
      paths: of the record's channels, or of the one file that holds all.
    """
    try:
        planes = [_pixels(source.read_image(path)) for path in paths]
        return np.concatenate(planes, -1)
    except (Unreadable, RunError, OSError, ValueError):
        return None


def _pixels(data: bytes | np.ndarray) -> np.ndarray:
    """Decodes a PNG, a TIFF or a plate's image to [H, W, planes]."""
    if isinstance(data, np.ndarray):
        return data
    if image_files.is_tiff(data):
        return image_files.decode_tiff(data)[1]
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return pixels[..., None] if pixels.ndim == 2 else pixels
