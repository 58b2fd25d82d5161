"""Uneven illumination, estimated from a plate's own images (retrospectively).

The mean image of many sites of a plate shows how light and camera shade the field, as
differences between sites average out. Smoothed and divided by its mean it is the field
by which a site's levels are divided (Singh et al. 2014, J. Microscopy 256, "Pipeline
for
illumination correction of images for high-throughput microscopy"). A dark level of the
camera, which would be subtracted, is not estimated. Imports nothing slow.
"""

import io
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.ndimage
from etils import epath

from gandl_jax import files
from gandl_jax.errors import InputError
from gandl_jax.prepared.prepared import ILLUMINATION, read_whole

GRID = 16  # blocks a side: light varies slowly (ours)
SMOOTHED_BLOCKS = 1.0  # sd of the Gaussian (ours)
_MARGIN = 4  # blocks, the reach of the Gaussian
LEAST = 0.1  # of the mean: no corner gets more than ten times brighter (ours)


def block_sums(pixels: np.ndarray) -> np.ndarray:
    """Sums pixels over blocks, at most GRID a side.

    Args:
      pixels: [H, W] uint8 or uint16.

    Returns:
      [min(H, GRID), min(W, GRID)] int64.
    """
    ends = [*_starts(pixels.shape[0]), pixels.shape[0]]
    largest = np.iinfo(pixels.dtype).max * int(np.diff(ends).max())
    narrow = np.uint16 if largest < 2**16 else np.uint32  # the narrowest is the fastest
    # Rows first: NumPy sums long runs of memory ten times as fast as short ones.
    rows = np.stack(
        [
            pixels[start:end].sum(0, dtype=narrow)
            for start, end in itertools.pairwise(ends)
        ]
    )
    return np.add.reduceat(rows, _starts(pixels.shape[1]), 1, dtype=np.int64)


def grid(size_px: tuple[int, int]) -> tuple[int, int]:
    """Counts the blocks, rows and columns, of images of a height and a width."""
    return min(size_px[0], GRID), min(size_px[1], GRID)


def _starts(size_px: int) -> np.ndarray:
    blocks = min(size_px, GRID)
    return np.arange(blocks) * size_px // blocks


def _areas(height_px: int, width_px: int) -> np.ndarray:
    """Counts the pixels of each block."""
    sides = [np.diff([*_starts(size), size]) for size in (height_px, width_px)]
    return np.outer(*sides)


def fields(sums: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    """Makes the field of each channel from the sums over all images of a plate.

    Args:
      sums: [..., h, w] as from `block_sums`.
      height_px: of the images.
      width_px: of the images.

    Returns:
      [..., h, w] float32, 1 on average, at least LEAST; 1 everywhere if all is dark.
    """
    areas = _areas(height_px, width_px)
    smooth = _smoothed(sums / areas)
    share = areas / areas.sum()
    mean = (smooth * share).sum((-2, -1), keepdims=True)
    flat = np.divide(smooth, mean, out=np.ones_like(smooth), where=mean > 0)
    return np.maximum(flat, LEAST).astype(np.float32)


def _smoothed(blocks: np.ndarray) -> np.ndarray:
    """Smooths [..., h, w] by a Gaussian; slopes continue beyond the rim."""
    no_padding = ((0, 0),) * (blocks.ndim - 2)
    margin = (_MARGIN, _MARGIN)
    wide = np.pad(blocks, (*no_padding, margin, margin), "reflect", reflect_type="odd")
    sigma = (0,) * len(no_padding) + (SMOOTHED_BLOCKS,) * 2
    smooth = scipy.ndimage.gaussian_filter(wide, sigma, mode="nearest")
    return smooth[..., _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def between(size_px: int) -> np.ndarray:
    """Weights of the blocks at each pixel: linear between their centres, and beyond.

    Args:
      size_px: of a side of the images.

    Returns:
      [size_px, min(size_px, GRID)] float64; rows sum to 1.
    """
    starts, pixels = _starts(size_px), np.arange(size_px)
    centers = (starts + np.append(starts[1:], size_px) - 1) / 2
    if len(centers) == 1:
        return np.ones((size_px, 1))
    left = np.clip(np.searchsorted(centers, pixels) - 1, 0, len(centers) - 2)
    share = (pixels - centers[left]) / (centers[left + 1] - centers[left])
    weights = np.zeros((size_px, len(centers)))
    weights[pixels, left], weights[pixels, left + 1] = 1 - share, share
    return weights


def write(folder: epath.Path, by_plate: Mapping[str, np.ndarray]) -> None:
    """Writes the fields [C, h, w] of each plate into a prepared screen."""
    with files.replacing(folder / ILLUMINATION) as file:
        plates = np.array(list(by_plate), str)
        np.savez_compressed(file, plates=plates, fields=np.stack([*by_plate.values()]))


def read(
    folder: epath.PathLike, wanted: Mapping[str, Any] | None = None
) -> tuple[list[str], np.ndarray]:
    """Reads the plates, and their fields [P, C, h, w] float32.

    Args:
      folder: of the prepared screen.
      wanted: digest that the file must have, as from `Prepared.written`.

    Raises:
      InputError: the file is gone or damaged.
    """
    path = epath.Path(folder) / ILLUMINATION
    data = io.BytesIO(read_whole(path, wanted))
    try:
        files.check_unpacked(data)
        with np.load(data, allow_pickle=False) as archive:
            plates, fields = archive["plates"].tolist(), archive["fields"]
        if fields.ndim != 4 or len(fields) != len(plates):
            raise ValueError(f"fields of shape {fields.shape}")
        if not (np.isfinite(fields).all() and fields.min() >= LEAST * 0.99):
            raise ValueError(f"fields that are not finite numbers from {LEAST} up")
        return plates, fields
    except Exception as error:  # NumPy and zipfile raise many types for changed bytes
        raise InputError(
            f"{path} is damaged ({error}): delete it and run --job=prepare again, "
            "which keeps the shards"
        ) from error
