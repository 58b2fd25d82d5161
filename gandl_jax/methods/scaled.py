"""Images scaled on the device to the side that a network takes."""

import jax
from jax import Array


def scaled(images: Array, px: int) -> Array:
    """Scales [B, N, N, C] to [B, px, px, C], bilinearly.

    If it shrinks, the filter is as wide as a new pixel.
    """
    if images.shape[1] == px:
        return images
    shape = (len(images), px, px, images.shape[-1])
    return jax.image.resize(images, shape, "bilinear", antialias=True)
