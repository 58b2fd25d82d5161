"""Image files: the format in their headers, and the pixels of TIFFs.

Readable are PNGs, grey or RGB, and TIFFs, both of 8 or 16 bits; TIFFs of signed 16 bits
if no level is below 0. A TIFF's channels are its pages, its samples or an axis C that
its metadata name. Imports nothing slow.
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

# It logs many lines on a damaged file, for which our error is one line.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"  # the last two are BigTIFF's
_DEPTH = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16, np.dtype(np.int16): 16}
_CHANNEL_AXES = "CSQI"  # channels, samples, and pages without a description
_ALPHA = tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA
_SIZELESS = tuple(  # compressions that hold no image size
    map(tifffile.COMPRESSION, (1, 5, 8, 32773, 32946, 34925, 50000))
)
_PHOTOMETRIC = (
    tifffile.PHOTOMETRIC.MINISBLACK,
    tifffile.PHOTOMETRIC.RGB,
    tifffile.PHOTOMETRIC.YCBCR,  # of JPEG inside; decodes to RGB
)


@dataclasses.dataclass(frozen=True)
class ImageFormat:
    """Format that all images of a screen share; its str is for messages."""

    height_px: int
    width_px: int
    bit_depth: int
    planes: int = 1  # channels in a file

    @property
    def most_bytes(self) -> int:
        """Upper limit of a file's size in bytes, however badly it compresses."""
        pixels = self.height_px * self.width_px * self.planes * self.bit_depth // 8
        return limits.MOST_BESIDE_PIXELS + 2 * pixels

    def __str__(self) -> str:
        size = f"{self.height_px}x{self.width_px} px {self.bit_depth}-bit"
        return size + (f", {self.planes} channels" if self.planes > 1 else "")


class Unreadable(ValueError):
    """Error of a file that cannot be used; its text says why."""


def read_format(file: BinaryIO) -> ImageFormat | str:
    """Reads the format in a file's header; returns what is wrong as str."""
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
    """Reads the format in a PNG's header (PNG, section 11.2.1), or what is wrong."""
    if not data:
        return "empty"
    if data[:8] != _PNG or data[12:16] != b"IHDR":
        return "neither a PNG nor a TIFF"
    if len(data) < 26:
        return "truncated"
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    planes = {0: 1, 2: 3}.get(colour)
    if planes is None or depth not in (8, 16):
        colour_types = {0: "grey", 2: "RGB", 3: "palette"}
        colour_types |= {
            4: "grey with an alpha channel",
            6: "RGB with an alpha channel",
        }
        return f"{depth}-bit {colour_types.get(colour, 'of unknown colour type')}"
    if problem := too_large(height, width, depth, planes):
        return problem
    return ImageFormat(height, width, depth, planes)


def too_large(height: int, width: int, depth: int, planes: int) -> str | None:
    """Returns why an image of this size is refused, or None."""
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
    """Returns True if a file's bytes begin as a TIFF's."""
    return data.startswith(_TIFF)


def decode_tiff(data: bytes) -> tuple[ImageFormat, np.ndarray]:
    """Decodes a TIFF.

    Args:
      data: the whole file.

    Returns:
      The format, and the pixels [H, W, planes] uint8 or uint16.

    Raises:
      Unreadable: it is damaged, or of an unsupported kind.
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


def encode_tiff(pixels: np.ndarray) -> bytes:
    """Encodes an image as a TIFF that `decode_tiff` reads.

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
      Unreadable: it is damaged, or of an unsupported kind.
    """
    try:
        with _open(file) as tiff:
            return _pages_format([tiff.pages[page] for page in pages], tiff)
    except Unreadable:
        raise
    except Exception as error:  # whatever error the damage leads to
        raise Unreadable("truncated or corrupt") from error


def decode_pages(file: BinaryIO, pages: Sequence[int]) -> np.ndarray:
    """Decodes an image that lies in some pages of a TIFF.

    Args:
      file: open for reading; only these pages are read.
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
    """Opens a TIFF's pages alone, also if its OME-XML names other files."""
    return tifffile.TiffFile(file, _multifile=False)


def _channels_last(pixels: np.ndarray, axes: str) -> np.ndarray:
    """Transposes pixels of given axes to [H, W, planes], in native byte order."""
    image_axes = axes.index("Y"), axes.index("X")
    other_axes = [i for i in range(len(axes)) if i not in image_axes]
    height, width = (pixels.shape[i] for i in image_axes)
    pixels = pixels.transpose(*image_axes, *other_axes).reshape(height, width, -1)
    return np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder("=")))


def unsigned(pixels: np.ndarray) -> np.ndarray:
    """Views signed levels as unsigned; raises Unreadable for one below 0."""
    if pixels.dtype != np.int16:
        return pixels
    if (lowest := pixels.min()) < 0:
        raise Unreadable(
            f"levels below 0, the lowest {lowest}; save them as unsigned 16 bits, from "
            "0 up"
        )
    return pixels.view(np.uint16)


def _layout(tiff: tifffile.TiffFile) -> tuple[ImageFormat, str]:
    """Returns the format, and the axes of the array of pixels."""
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
        photometric = getattr(page.photometric, "name", page.photometric)
        raise Unreadable(f"levels that are neither grey nor RGB ({photometric})")
    axes, shape = series[0].axes, series[0].shape
    if any(
        (other.axes, other.shape, other.dtype) != (axes, shape, page.dtype)
        for other in series
    ):
        raise Unreadable(f"{len(series)} images of unlike size or kind")
    if len(series) > 1:
        axes, shape = "I" + axes, (len(series), *shape)
    if any(_end_byte(other) > tiff.filehandle.size for other in series):
        raise Unreadable("truncated")
    return ImageFormat(*_size(axes, shape, depth)), axes


def _check_packed(tiff: tifffile.TiffFile) -> None:
    """Raises if a strip or tile would unpack to far more than its image."""
    pages = itertools.chain.from_iterable(series.pages for series in tiff.series)
    _check_pages(pages, tiff)


def _check_pages(pages: Iterable[tifffile.TiffPage], tiff: tifffile.TiffFile) -> None:
    for page in pages:
        keyframe = page.keyframe  # has what pages of one form share
        most_px = 2 * max(
            keyframe.imagelength * keyframe.imagewidth, math.prod(keyframe.chunks)
        )
        if most_px > 2 * limits.MOST_PX * keyframe.samplesperpixel:
            raise Unreadable(f"tiles of {math.prod(keyframe.chunks):,} values")
        if keyframe.compression in _SIZELESS:
            continue
        segments = page.dataoffsets, page.databytecounts
        for data, _ in tiff.filehandle.read_segments(*segments, sort=False):
            if data and (px := packed_sizes.largest_px(data)) > most_px:
                raise Unreadable(f"{px:,} px packed in place of {most_px // 2:,}")


def _end_byte(series: tifffile.TiffPageSeries) -> int:
    """Returns the byte at which the pixels of a series end in the file."""
    if series.dataoffset is not None:
        return series.dataoffset + series.nbytes
    return max(
        offset + count
        for page in series.pages
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
    )


def _size(axes: str, shape: Sequence[int], depth: int) -> tuple[int, int, int, int]:
    """Returns height, width, bit depth and planes."""
    other_axes = {
        axis: n for axis, n in zip(axes, shape, strict=True) if axis not in "YX"
    }
    channel_axes = [axis for axis, n in other_axes.items() if n > 1]
    if (
        not {"Y", "X"} <= set(axes)
        or len(channel_axes) > 1
        or not set(channel_axes) <= set(_CHANNEL_AXES)
    ):
        size = "x".join(map(str, shape))
        raise Unreadable(f"axes {axes} of {size}, which are not one image's channels")
    height, width = shape[axes.index("Y")], shape[axes.index("X")]
    planes = max(other_axes.values(), default=1)
    if problem := too_large(height, width, depth, planes):
        raise Unreadable(problem)
    return height, width, depth, planes
