"""Depthwise convolutions: every channel is filtered alone.

XLA's own convolution of groups is slow on CPUs. There it is a sum of shifted images,
one for each entry of the kernel, which XLA joins into one loop.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax


def convolve(
    images: Array,
    kernel: Array,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    **options,
) -> Array:
    """Convolves each channel with its own kernel; `nn.Conv` calls it.

    Args:
      images: [B, H, W, C].
      kernel: [side, side, 1, C] of the same dtype.
      window_strides: down and across.
      padding: "SAME", "VALID", or rows and columns added at each edge.
      **options: of `lax.conv_general_dilated`; dilations of 1 and as many groups as
        channels.

    Returns:
      [B, H', W', C] of the images' dtype.
    """

    def by_xla(images: Array, kernel: Array) -> Array:
        return lax.conv_general_dilated(
            images, kernel, window_strides, padding, **options
        )

    # What gradients need is made again from images and kernel: kept, it would be a copy
    # of the images for each entry of the kernel.
    @jax.checkpoint
    def by_shifts(images: Array, kernel: Array) -> Array:
        return _sum_of_shifted(images, kernel, window_strides, padding)

    return lax.platform_dependent(images, kernel, cpu=by_shifts, default=by_xla)


def _sum_of_shifted(
    images: Array,
    kernel: Array,
    strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
) -> Array:
    sides = kernel.shape[:2]
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(images.shape[1:3], sides, strides, padding)
    padded = jnp.pad(images, ((0, 0), *padding, (0, 0)))
    ends = [
        (size - side) // stride * stride + 1  # of the first entry's image
        for size, side, stride in zip(padded.shape[1:3], sides, strides, strict=True)
    ]
    total = 0.0
    for row in range(sides[0]):
        for column in range(sides[1]):
            shifted = padded[
                :,
                row : row + ends[0] : strides[0],
                column : column + ends[1] : strides[1],
            ]
            total = total + shifted * kernel[row : row + 1, column : column + 1]
    return total
