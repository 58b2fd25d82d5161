"""Up- and downsampling by two with StyleGAN2's filter [1, 3, 3, 1].

Each can be computed in several forms that are equal up to rounding and differ in speed;
`gandl_jax/models/stylegan2/costs.py` chooses the fastest one for a platform.
"""

import functools

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from gandl_jax.models.stylegan2 import filters, strided
from gandl_jax.models.stylegan2.filters import DIMENSIONS, TAPS


def convolve(x: Array, weight: Array) -> Array:
    """Cross-correlates; zero padding keeps height and width.

    Args:
      x: [B, H, W, C].
      weight: [k, k, C, D], taken to the dtype of `x`.
    """
    return lax.conv_general_dilated(
        x, weight.astype(x.dtype), (1, 1), "SAME", dimension_numbers=DIMENSIONS
    )


def upsample(x: Array) -> Array:
    """Doubles height and width: zeros between pixels, then the filter with gain 4.

    Args:
      x: [B, H, W, C].

    Returns:
      [B, 2H, 2W, C].
    """
    rows, columns = (_doubling(size, x.dtype) for size in x.shape[1:3])
    # Highest precision: by default a TPU would round float32 to bfloat16 first.
    product = functools.partial(jnp.einsum, precision=lax.Precision.HIGHEST)
    return product("pj,bijc->bipc", columns, product("oi,bijc->bojc", rows, x))


def _doubling(size: int, dtype: jnp.dtype) -> Array:
    """Returns the matrix [2 size, size] of `upsample` along one axis."""
    spread = np.zeros((2 * size + 3, size))
    for pixel in range(size):
        spread[2 * pixel : 2 * pixel + 4, pixel] = 2 * np.array(TAPS)
    return jnp.asarray(spread[1 : 2 * size + 1], dtype)


def downsample(x: Array, form: str) -> Array:
    """Halves height and width: the filter, then every other pixel.

    Args:
      x: [B, H, W, C], H and W even.
      form: one of `DOWNSAMPLE_CONVOLVE`.

    Returns:
      [B, H/2, W/2, C].
    """
    blur = filters.by_convolution if form == "strided" else filters.by_sums
    return blur(x, TAPS, 1, stride=2)


def upsample_convolve(x: Array, weight: Array, form: str) -> Array:
    """Upsamples by zeros between pixels, convolves by 3x3, filters with gain 4.

    Args:
      x: [B, H, W, C].
      weight: [3, 3, C, D], taken to the dtype of `x`.
      form: one of `UPSAMPLE_CONVOLVE`.

    Returns:
      [B, 2H, 2W, D].
    """
    return UPSAMPLE_CONVOLVE[form](x, weight.astype(x.dtype))


def downsample_convolve(x: Array, weight: Array, form: str) -> Array:
    """Filters, then convolves by 3x3 with stride 2.

    Args:
      x: [B, H, W, C], H and W even.
      weight: [3, 3, C, D], taken to the dtype of `x`.
      form: one of `DOWNSAMPLE_CONVOLVE`.

    Returns:
      [B, H/2, W/2, D].
    """
    return DOWNSAMPLE_CONVOLVE[form](x, weight.astype(x.dtype))


def _up_folded(x: Array, weight: Array) -> Array:
    """Upsamples by a 3x3 convolution, with the filter, to four phases of the result."""
    kernel = _folded(weight[::-1, ::-1], gain=4.0)
    # Phase p of an axis: pixel 2i + p takes taps 2k + 1 - p of pixels i - 1 to i + 1.
    taps = kernel.reshape(3, 2, 3, 2, *weight.shape[2:])[:, ::-1, :, ::-1]
    taps = taps.transpose(0, 2, 4, 1, 3, 5)
    taps = taps.reshape(3, 3, weight.shape[2], -1)
    return strided.depth_to_space(convolve(x, taps))


def _down_folded(x: Array, weight: Array) -> Array:
    kernel = _folded(weight, gain=1.0).reshape(3, 2, 3, 2, *weight.shape[2:])
    taps = kernel.transpose(0, 2, 1, 3, 4, 5).reshape(3, 3, -1, weight.shape[3])
    return convolve(strided.space_to_depth(x), taps)


def _folded(weight: Array, gain: float) -> Array:
    """Folds the filter and a correlation into one correlation [6, 6, C, D]."""
    padded = jnp.pad(weight, ((3, 3), (3, 3), (0, 0), (0, 0)))
    taps = np.outer(TAPS, TAPS) * gain
    size = (6, 6, *weight.shape[2:])
    return sum(
        taps[i, j].astype(weight.dtype) * lax.dynamic_slice(padded, (i, j, 0, 0), size)
        for i in range(4)
        for j in range(4)
    )


UPSAMPLE_CONVOLVE = {
    "folded": _up_folded,
    "strided": lambda x, w: strided.up(x, 4 * w.swapaxes(2, 3), filters.by_convolution),
    "strided_sums": lambda x, w: strided.up(x, 4 * w.swapaxes(2, 3), filters.by_sums),
}
DOWNSAMPLE_CONVOLVE = {
    "folded": _down_folded,
    "strided": lambda x, w: strided.down(x, w, filters.by_convolution),
    "strided_sums": lambda x, w: strided.down(x, w, filters.by_sums),
}
