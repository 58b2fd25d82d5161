"""Files of raw images: the format in their headers, and the pixels of TIFFs.

Readable are PNGs, grey or RGB, and TIFFs, both of 8 or 16 bits; TIFFs of signed 16 bits
where no level is below 0. A TIFF's channels are its pages, its samples or an axis C
that the file names itself. Imports nothing slow.
"""

import dataclasses
import io
import itertools
import logging
import math
import struct
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import numpy as np
import tifffile

from gandl_jax.raw import limits, packed_sizes

# Of a damaged file it tells in many lines what an error of ours says in one.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"  # the last two are BigTIFF's
_DEPTH = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16, np.dtype(np.int16): 16}
_CHANNEL_AXES = "CSQI"  # channels, samples, and pages that nothing is said of
_ALPHA = tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA
_SIZELESS = tuple(  # packings that say nothing of an image's size
    map(tifffile.COMPRESSION, (1, 5, 8, 32773, 32946, 34925, 50000))
)
_PHOTOMETRIC = (
    tifffile.PHOTOMETRIC.MINISBLACK,
    tifffile.PHOTOMETRIC.RGB,
    tifffile.PHOTOMETRIC.YCBCR,  # of JPEG inside; decodes to RGB
)


@dataclasses.dataclass(frozen=True)
class ImageFormat:
    """What the images of a screen must have in common; its str is for messages."""

    height_px: int
    width_px: int
    bit_depth: int
    planes: int = 1  # channels in a file

    @property
    def most_bytes(self) -> int:
        """More than a file of such an image has, however badly it packs."""
        pixels = self.height_px * self.width_px * self.planes * self.bit_depth // 8
        return limits.MOST_BESIDE_PIXELS + 2 * pixels

    def __str__(self) -> str:
        size = f"{self.height_px}x{self.width_px} px {self.bit_depth}-bit"
        return size + (f", {self.planes} channels" if self.planes > 1 else "")


class Unreadable(ValueError):
    """A file that cannot be used; says why."""


def read_format(file: BinaryIO) -> ImageFormat | str:
    """The format in a file's header, or what is wrong with it."""
    start = file.read(26)
    if not start.startswith(_TIFF):
        return png_format(start)
    try:
        file.seek(0)
        with _open(file) as tiff:
            return _layout(tiff)[0]
    except Unreadable as error:
        return str(error)
    except Exception:  # whatever error the damage leads to
        return "truncated or corrupt"


def png_format(data: bytes) -> ImageFormat | str:
    """The format in a PNG's header, or what is wrong with it (PNG, section 11.2.1)."""
    if not data:
        return "empty"
    if data[:8] != _PNG or data[12:16] != b"IHDR":
        return "neither a PNG nor a TIFF"
    if len(data) < 26:
        return "truncated"
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    planes = {0: 1, 2: 3}.get(colour)
    if planes is None or depth not in (8, 16):
        kinds = {0: "grey", 2: "RGB", 3: "palette"}
        kinds |= {4: "grey with an alpha channel", 6: "RGB with an alpha channel"}
        return f"{depth}-bit {kinds.get(colour, 'of unknown colour type')}"
    if told := too_large(height, width, depth, planes):
        return told
    return ImageFormat(height, width, depth, planes)


def too_large(height: int, width: int, depth: int, planes: int) -> str | None:
    """Says why an image of this size is refused; None where it is not."""
    if height * width > limits.MOST_PX:
        return f"{height}x{width} px, and {limits.MOST_PX:,} px are the most"
    size = height * width * planes * depth // 8
    if size > limits.MOST_BYTES:
        return f"{size:,} bytes unpacked, and {limits.MOST_BYTES:,} are the most"
    return None


def format_of(pixels: np.ndarray) -> ImageFormat:
    """Returns the format of decoded pixels, [H, W, planes] uint8 or uint16."""
    height, width, planes = pixels.shape
    return ImageFormat(height, width, 8 * pixels.itemsize, planes)


def is_tiff(data: bytes) -> bool:
    """Whether a file's bytes begin as a TIFF's do."""
    return data.startswith(_TIFF)


def tiff_pixels(data: bytes) -> tuple[ImageFormat, np.ndarray]:
    """Decodes a TIFF.

    Args:
      data: the whole file.

    Returns:
      Its format, and [H, W, planes] uint8 or uint16.

    Raises:
      Unreadable: it is damaged, or of another kind.
    """
    try:
        with _open(io.BytesIO(data)) as tiff:
            image_format, axes = _layout(tiff)
            _check_packed(tiff)
            parts = [series.asarray(maxworkers=1) for series in tiff.series]
    except Unreadable:
        raise
    except Exception as error:  # whatever error the damage leads to
        raise Unreadable("truncated or corrupt") from error
    pixels = np.stack(parts) if len(parts) > 1 else parts[0]
    return image_format, unsigned(_channels_last(pixels, axes))


def tiff(pixels: np.ndarray) -> bytes:
    """The file of an image, as `tiff_pixels` reads it.

    Args:
      pixels: [H, W, planes] uint8 or uint16.
    """
    data = io.BytesIO()
    # Samples of one page are read in a third of the time of pages.
    planar = "contig" if pixels.shape[-1] > 1 else None
    tifffile.imwrite(data, pixels, photometric="minisblack", planarconfig=planar)
    return data.getvalue()


def read_pages_format(file: BinaryIO, pages: Sequence[int]) -> ImageFormat:
    """Reads the format of an image that lies in some pages of a TIFF.

    Args:
      file: open for reading.
      pages: one for each channel, from 0.

    Raises:
      Unreadable: it is damaged, or of another kind.
    """
    try:
        with _open(file) as tiff:
            return _pages_format([tiff.pages[page] for page in pages], tiff)
    except Unreadable:
        raise
    except Exception as error:  # whatever error the damage leads to
        raise Unreadable("truncated or corrupt") from error


def pages_pixels(file: BinaryIO, pages: Sequence[int]) -> np.ndarray:
    """Decodes an image that lies in some pages of a TIFF.

    Args:
      file: open for reading; of it these pages alone are read.
      pages: one for each channel, from 0.

    Returns:
      [H, W, channels] uint8 or uint16; each channel's are contiguous.

    Raises:
      Unreadable: as `read_pages_format`.
    """
    try:
        with _open(file) as tiff:
            chosen = [tiff.pages[page] for page in pages]
            _pages_format(chosen, tiff)
            _check_pages(chosen, tiff)
            planes = np.stack([page.asarray(maxworkers=1) for page in chosen])
    except Unreadable:
        raise
    except Exception as error:  # whatever error the damage leads to
        raise Unreadable("truncated or corrupt") from error
    planes = planes.astype(planes.dtype.newbyteorder("="), copy=False)
    return np.moveaxis(unsigned(planes), 0, -1)


def _pages_format(
    pages: Sequence[tifffile.TiffPage], tiff: tifffile.TiffFile
) -> ImageFormat:
    first = pages[0]
    depth = _DEPTH.get(first.dtype)
    if depth is None:
        raise Unreadable(
            f"{first.dtype} levels, not whole numbers of 8 or 16 bits; save them as "
            "uint8 or uint16"
        )
    for page in pages:
        if page.shape != first.shape or page.dtype != first.dtype:
            raise Unreadable(f"{len(pages)} pages of unlike size or kind")
        if len(page.shape) != 2:
            raise Unreadable(
                f"pages of {page.samplesperpixel} samples, not one channel"
            )
        ends = zip(page.dataoffsets, page.databytecounts, strict=True)
        if any(start + count > tiff.filehandle.size for start, count in ends):
            raise Unreadable("truncated")
    if problem := too_large(*first.shape, depth, len(pages)):
        raise Unreadable(problem)
    return ImageFormat(*first.shape, depth, len(pages))


def _open(file: BinaryIO) -> tifffile.TiffFile:
    """This file's own pages, also where OME speaks of others beside it."""
    return tifffile.TiffFile(file, _multifile=False)


def _channels_last(pixels: np.ndarray, axes: str) -> np.ndarray:
    """An array with these axes as [H, W, planes], in the machine's byte order."""
    places = axes.index("Y"), axes.index("X")
    others = [i for i in range(len(axes)) if i not in places]
    height, width = (pixels.shape[i] for i in places)
    pixels = pixels.transpose(*places, *others).reshape(height, width, -1)
    return np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder("=")))


def unsigned(pixels: np.ndarray) -> np.ndarray:
    """Returns the same levels without a sign; raises Unreadable for one below 0."""
    if pixels.dtype != np.int16:
        return pixels
    if (lowest := pixels.min()) < 0:
        raise Unreadable(
            f"levels below 0, the lowest {lowest}; save them as unsigned 16 bits, from "
            "0 up"
        )
    return pixels.view(np.uint16)


def _layout(tiff: tifffile.TiffFile) -> tuple[ImageFormat, str]:
    """The format, and the axes of the array that holds the pixels."""
    page, series = tiff.pages.first, tiff.series
    depth = _DEPTH.get(page.dtype)
    if depth is None:
        raise Unreadable(
            f"{page.dtype} levels, not whole numbers of 8 or 16 bits; save them as "
            "uint8 or uint16"
        )
    if any(sample in _ALPHA for sample in page.extrasamples):
        raise Unreadable(f"{depth}-bit with an alpha channel")
    if page.photometric not in _PHOTOMETRIC:
        kind = getattr(page.photometric, "name", page.photometric)
        raise Unreadable(f"levels that are neither grey nor RGB ({kind})")
    axes, shape = series[0].axes, series[0].shape
    if any(
        (one.axes, one.shape, one.dtype) != (axes, shape, page.dtype) for one in series
    ):
        raise Unreadable(f"{len(series)} images of unlike size or kind")
    if len(series) > 1:
        axes, shape = "I" + axes, (len(series), *shape)
    if any(_end(one) > tiff.filehandle.size for one in series):
        raise Unreadable("truncated")
    return ImageFormat(*_size(axes, shape, depth)), axes


def _check_packed(tiff: tifffile.TiffFile) -> None:
    """Raises where a strip or tile would unpack to far more than its place."""
    every = itertools.chain.from_iterable(series.pages for series in tiff.series)
    _check_pages(every, tiff)


def _check_pages(pages: Iterable[tifffile.TiffPage], tiff: tifffile.TiffFile) -> None:
    for page in pages:
        like = page.keyframe  # which has what pages of a kind share
        most = 2 * max(like.imagelength * like.imagewidth, math.prod(like.chunks))
        if most > 2 * limits.MOST_PX * like.samplesperpixel:
            raise Unreadable(f"tiles of {math.prod(like.chunks):,} values")
        if like.compression in _SIZELESS:
            continue
        places = page.dataoffsets, page.databytecounts
        for data, _ in tiff.filehandle.read_segments(*places, sort=False):
            if data and (px := packed_sizes.largest_px(data)) > most:
                raise Unreadable(f"{px:,} px packed in place of {most // 2:,}")


def _end(series: tifffile.TiffPageSeries) -> int:
    """Where the pixels of a series end in the file, in bytes."""
    if series.dataoffset is not None:
        return series.dataoffset + series.nbytes
    return max(
        offset + count
        for page in series.pages
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
    )


def _size(axes: str, shape: Sequence[int], depth: int) -> tuple[int, int, int, int]:
    """Height, width, bit depth and planes."""
    others = {axis: n for axis, n in zip(axes, shape, strict=True) if axis not in "YX"}
    long = [axis for axis, n in others.items() if n > 1]
    if (
        not {"Y", "X"} <= set(axes)
        or len(long) > 1
        or not set(long) <= set(_CHANNEL_AXES)
    ):
        size = "x".join(map(str, shape))
        raise Unreadable(f"axes {axes} of {size}, which are not one image's channels")
    height, width = shape[axes.index("Y")], shape[axes.index("X")]
    planes = max(others.values(), default=1)
    if told := too_large(height, width, depth, planes):
        raise Unreadable(told)
    return height, width, depth, planes
