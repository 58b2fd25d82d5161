"""Filter and 3x3 correlation with stride 2, its transpose, and their gradients.

XLA derives the gradient of a strided correlation as a dilated one, which takes a TPU
fifteen times as long as its multiplications. `down`, `up` and `pair` are the three
derivatives of one trilinear form, <down(x, kernel), y>; the gradients of each are the
other two, so that derivatives of any order have fast forms.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array, lax

from gandl_jax.models.stylegan2.filters import BOX, DIMENSIONS, REST, TAPS, Filter


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def down(x: Array, kernel: Array, blur: Filter) -> Array:
    """Blurs, then correlates at every other pixel.

    y[i] = sum over k of b[2i + k] kernel[k], where b is x with 2 zeros around, filtered
    by TAPS.

    Args:
      x: [B, 2H, 2W, C].
      kernel: [3, 3, C, D], dtype of `x`.
      blur: a form of the filter.

    Returns:
      [B, H, W, D].
    """
    blurred = lax.optimization_barrier(blur(x, TAPS, 2))  # see fences.py
    return lax.conv_general_dilated(
        blurred, kernel, (2, 2), "VALID", dimension_numbers=DIMENSIONS
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def up(y: Array, kernel: Array, blur: Filter) -> Array:
    """Applies the transpose of `down`: b[2i + k] = sum of y[i] kernel[k], blurred.

    One 2x2 correlation computes the four phases of the result. It has room for a kernel
    of 4x4, so a part of the filter is folded into the kernel.

    Args:
      y: [B, H, W, D].
      kernel: [3, 3, C, D], dtype of `y`.
      blur: a form of the filter.

    Returns:
      [B, 2H, 2W, C].
    """
    channels, inputs = kernel.shape[2:]
    for axis in (0, 1):
        width = [(0, 0)] * 4
        width[axis] = (1, 1)
        padded = jnp.pad(kernel, width)
        later = lax.slice_in_dim(padded, 1, None, axis=axis)
        kernel = BOX[0] * lax.slice_in_dim(padded, 0, -1, axis=axis) + BOX[1] * later
    taps = kernel.reshape(2, 2, 2, 2, channels, inputs)[::-1, :, ::-1]
    taps = taps.transpose(0, 2, 5, 1, 3, 4).reshape(2, 2, inputs, 4 * channels)
    phases = lax.conv_general_dilated(
        y, taps, (1, 1), ((1, 1), (1, 1)), dimension_numbers=DIMENSIONS
    )
    return blur(depth_to_space(phases), REST, 0)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def pair(x: Array, y: Array, blur: Filter) -> Array:
    """Computes the gradient of <down(x, kernel), y> by the kernel.

    Args:
      x: [B, 2H, 2W, C].
      y: [B, H, W, D].
      blur: a form of the filter.

    Returns:
      [3, 3, C, D], summed over batch and position.
    """
    return lax.conv_general_dilated(
        blur(x, TAPS, 2),
        y,
        (1, 1),
        "VALID",
        rhs_dilation=(2, 2),
        dimension_numbers=("CHWN", "IHWO", "HWNC"),
    )


def _with_inputs(fn):
    return lambda a, b, blur: (fn(a, b, blur), (a, b))


def _down_gradients(blur, inputs, y):
    x, kernel = inputs
    return up(y, kernel, blur), pair(x, y, blur)


def _up_gradients(blur, inputs, x):
    y, kernel = inputs
    return down(x, kernel, blur), pair(x, y, blur)


def _pair_gradients(blur, inputs, kernel):
    x, y = inputs
    return up(y, kernel, blur), down(x, kernel, blur)


down.defvjp(_with_inputs(down), _down_gradients)
up.defvjp(_with_inputs(up), _up_gradients)
pair.defvjp(_with_inputs(pair), _pair_gradients)


def depth_to_space(x: Array) -> Array:
    """Maps [B, H, W, 4 C] to [B, 2H, 2W, C]: channels to neighbouring pixels."""
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, 2 * h, 2 * w, c // 4)


def space_to_depth(x: Array) -> Array:
    """Maps [B, H, W, C] to [B, H/2, W/2, 4 C]: the inverse of `depth_to_space`."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // 2, w // 2, 4 * c)
