"""Thumbnails of images, by which copies are found."""

import numpy as np

SIDE_PX = 16  # to which images are averaged before they are compared (ours)


def make(images: np.ndarray) -> np.ndarray:
    """Averages blocks of images [B, N, N, C] to [B, s, s, C] float32.

    The side s is at most SIDE_PX; pixels beyond the last whole block are cut off.
    """
    count, height, _, channels = images.shape
    side = min(height, SIDE_PX)
    block = height // side
    kept = images[:, : side * block, : side * block].astype(np.float32)
    blocks = kept.reshape(count, side, block, side, block, channels)
    return blocks.mean((2, 4))


def oriented(images: np.ndarray, *, flips: bool, rotations: bool) -> list[np.ndarray]:
    """Orients images [B, s, s, C] in all ways that a training has shown them."""
    mirrored = [images, images[:, :, ::-1]] if flips else [images]
    turns = range(4) if rotations else range(1)
    return [np.rot90(one, k, (1, 2)) for one in mirrored for k in turns]
