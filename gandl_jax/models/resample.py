"""Up- and downsampling by two with StyleGAN2's filter [1, 3, 3, 1].

Convolutions that change the resolution are split into the four phases of their
output (or input) pixels, so that only plain small convolutions are left: dilated
ones, and the gradients of strided ones, run several times slower on TPU and CPU.
"""

import jax.numpy as jnp
from jax import Array, lax

TAPS = (0.125, 0.375, 0.375, 0.125)  # [1, 3, 3, 1] / 8 (Karras et al. 2020, code)


def convolve(x: Array, weight: Array, padding: str = "SAME") -> Array:
    """Plain cross-correlation.

    Args:
      x: [B, H, W, C].
      weight: [k, k, C, D], taken to the dtype of `x`.
      padding: "SAME" or "VALID".
    """
    return lax.conv_general_dilated(
        x,
        weight.astype(x.dtype),
        (1, 1),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def blur(x: Array, before: int, after: int, gain: float = 1.0) -> Array:
    """Filters both axes after zero padding, as shifted sums.

    Args:
      x: [B, H, W, C].
      before: zeros added above and to the left.
      after: zeros added below and to the right.
      gain: factor on the result.

    Returns:
      [B, H + before + after - 3, W + before + after - 3, C].
    """
    for axis in (1, 2):
        pad = [(0, 0)] * 4
        pad[axis] = (before, after)
        x = jnp.pad(x, pad)
        length = x.shape[axis] - len(TAPS) + 1
        x = sum(
            tap * gain**0.5 * lax.slice_in_dim(x, k, k + length, axis=axis)
            for k, tap in enumerate(TAPS)
        )
    return x


def upsample(x: Array) -> Array:
    """Doubles height and width: zeros between pixels, then the filter with gain 4.

    Args:
      x: [B, H, W, C].

    Returns:
      [B, 2H, 2W, C].
    """
    for axis in (1, 2):
        pad = [(0, 0)] * 4
        pad[axis] = (1, 1)
        padded = jnp.pad(x, pad)
        size = x.shape[axis]
        previous = lax.slice_in_dim(padded, 0, size, axis=axis)
        following = lax.slice_in_dim(padded, 2, size + 2, axis=axis)
        near, far = 2 * TAPS[1], 2 * TAPS[0]
        even, odd = near * x + far * previous, near * x + far * following
        shape = list(x.shape)
        shape[axis] *= 2
        x = jnp.stack([even, odd], axis + 1).reshape(shape)
    return x


def downsample(x: Array) -> Array:
    """Halves height and width: the filter, then every other pixel.

    Args:
      x: [B, H, W, C], H and W even.

    Returns:
      [B, H/2, W/2, C].
    """
    for axis in (1, 2):
        pad = [(0, 0)] * 4
        pad[axis] = (1, 1)
        padded = jnp.pad(x, pad)
        end = x.shape[axis]
        x = sum(
            tap * lax.slice_in_dim(padded, k, k + end - 1, stride=2, axis=axis)
            for k, tap in enumerate(TAPS)
        )
    return x


def upsample_convolve(x: Array, weight: Array) -> Array:
    """Zeros between pixels, 3x3 convolution (flipped kernel), filter with gain 4.

    One 2x2 convolution computes the four phases of the result side by side.

    Args:
      x: [B, H, W, C].
      weight: [3, 3, C, D].

    Returns:
      [B, 2H, 2W, D].
    """
    taps = _phases(weight)[::-1, :, ::-1]  # tap 0 meets the previous pixel
    kernel = taps.transpose(0, 2, 4, 1, 3, 5).reshape(2, 2, weight.shape[2], -1)
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = _depth_to_space(convolve(padded, kernel, "VALID"))
    return blur(y[:, :-1, :-1], 1, 1, gain=4.0)


def downsample_convolve(x: Array, weight: Array) -> Array:
    """Filter, then 3x3 convolution with stride 2.

    Args:
      x: [B, H, W, C], H and W even.
      weight: [3, 3, C, D].

    Returns:
      [B, H/2, W/2, D].
    """
    kernel = _phases(weight).transpose(0, 2, 1, 3, 4, 5)
    kernel = kernel.reshape(2, 2, -1, weight.shape[3])
    # One row and column more than needed: they meet the kernel's zero taps.
    return convolve(_space_to_depth(blur(x, 2, 3)), kernel, "VALID")


def _phases(weight: Array) -> Array:
    """[3, 3, C, D] to [2, 2, 2, 2, C, D]: tap 2a + p of each axis at [a, p]."""
    padded = jnp.pad(weight, ((0, 1), (0, 1), (0, 0), (0, 0)))
    return padded.reshape(2, 2, 2, 2, *weight.shape[2:])


def _depth_to_space(x: Array) -> Array:
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, 2 * h, 2 * w, c // 4)


def _space_to_depth(x: Array) -> Array:
    b, h, w, c = x.shape
    x = x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // 2, w // 2, 4 * c)
