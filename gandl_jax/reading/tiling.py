"""Cuts images into tiles, and collects the tiles in batches, with NumPy only."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from gandl_jax.reading.stretching import Levels


def offsets(height: int, width: int, crop_px: int) -> list[tuple[int, int]]:
    """Returns the corners of the fewest tiles that cover an image, evenly spread.

    Args:
      height: of the image, in pixels.
      width: of the image, in pixels.
      crop_px: side of a tile, at most the image's.

    Returns:
      (y, x) of upper left corners in pixels, row by row.
    """
    return [(y, x) for y in _starts(height, crop_px) for x in _starts(width, crop_px)]


def _starts(size: int, crop_px: int) -> list[int]:
    count = -(-size // crop_px)
    if count == 1:
        return [(size - crop_px) // 2]
    return [index * (size - crop_px) // (count - 1) for index in range(count)]


def batches(
    images: Iterable[tuple[int, np.ndarray]],
    levels: Levels,
    corners: Sequence[tuple[int, int]],
    shape: tuple[int, int, int, int],
) -> Iterator[dict[str, np.ndarray]]:
    """Collects all tiles of all images in batches, the last padded and masked.

    Args:
      images: (record, its padded image [H, W, C] of grey levels).
      levels: of each record.
      corners: (y, x) of each tile, as from `offsets`.
      shape: (B, crop, crop, C) of a batch.

    Yields:
      {"images": [B, crop, crop, C] float32 in [-1, 1], 0 in the padding; "record": [B]
      int32, 0 in the padding; "mask": [B] bool, False in the padding}.
    """
    size, crop_px, *_ = shape
    tiles, record, filled = np.zeros(shape, np.float32), np.zeros(size, np.int32), 0
    for row, tile in _tiles(images, levels, corners, crop_px):
        tiles[filled], record[filled] = tile, row
        filled += 1
        if filled == size:
            yield {"images": tiles, "record": record, "mask": np.ones(size, bool)}
            tiles, record, filled = np.zeros_like(tiles), np.zeros_like(record), 0
    if filled:
        yield {"images": tiles, "record": record, "mask": np.arange(size) < filled}


def _tiles(images, levels, corners, crop_px) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (record, tile [crop_px, crop_px, C] float32 in [-1, 1])."""
    for record, image in images:
        for y, x in corners:
            pixels = image[y : y + crop_px, x : x + crop_px].astype(np.float64)
            tile = levels.stretch(np, pixels, record, y, x)
            yield record, tile.clip(-1, 1).astype(np.float32)
