"""Separable low-pass filters of images, in two forms that are equal up to rounding."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

TAPS = (0.125, 0.375, 0.375, 0.125)  # [1, 3, 3, 1] / 8 (Karras et al. 2020, code)
BOX, REST = (0.5, 0.5), (0.25, 0.5, 0.25)  # TAPS is the convolution of both
DIMENSIONS = ("NHWC", "HWIO", "NHWC")  # of images, kernels, results
Filter = Callable[..., Array]


def by_sums(x: Array, taps: Sequence[float], pad: int, stride: int = 1) -> Array:
    """Filters both axes after zero padding, as shifted sums.

    Args:
      x: [B, H, W, C].
      taps: [k] of either axis.
      pad: zeros added on each side.
      stride: 2 keeps every other pixel of both axes.

    Returns:
      [B, H', W', C] with H' = (H + 2 pad - k) // stride + 1.
    """
    for axis in (1, 2):
        width = [(0, 0)] * 4
        width[axis] = (pad, pad)
        padded = jnp.pad(x, width)
        span = padded.shape[axis] - len(taps) + 1
        x = sum(
            tap * lax.slice_in_dim(padded, k, k + span, stride=stride, axis=axis)
            for k, tap in enumerate(taps)
        )
    return x


def by_convolution(x: Array, taps: Sequence[float], pad: int, stride: int = 1) -> Array:
    """Filters as `by_sums` does, by one depthwise convolution."""
    channels = x.shape[-1]
    kernel = np.outer(taps, taps)[:, :, None, None]
    return lax.conv_general_dilated(
        x,
        jnp.asarray(np.tile(kernel, channels), x.dtype),
        (stride, stride),
        [(pad, pad)] * 2,
        dimension_numbers=DIMENSIONS,
        feature_group_count=channels,
    )
