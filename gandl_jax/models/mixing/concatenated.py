"""No mixing: every channel passes the network alone, as a grey image.

It is ImageNet-concatenated of GAN-DL's paper (Mascolini et al. 2022): features of the
channels are joined.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

COLOURS = 3
APART = True


class Mixing(nn.Module):
    """A grey image of each channel."""

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Maps [B, H, W, C] to [B C, H, W, 3]."""
        return alone(images).repeat(COLOURS, -1)


def alone(images: Array) -> Array:
    """Maps [B, H, W, C] to [B C, H, W, 1], the channels of a sample in order."""
    return jnp.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3], 1)


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns the parameters, of which there are none."""
    del sources
    return params
