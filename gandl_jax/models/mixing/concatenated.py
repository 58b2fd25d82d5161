"""Every channel goes through the network alone, as a grey image of three colours.

ImageNet-concatenated of GAN-DL's paper (Mascolini et al. 2022): features of each
channel, side by side.
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
        """[B, H, W, C] to [B C, H, W, 3]."""
        return alone(images).repeat(COLOURS, -1)


def alone(images: Array) -> Array:
    """[B, H, W, C] to [B C, H, W, 1], the channels of a sample in order."""
    return jnp.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3], 1)


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """There are none; the layer on the features knows the channels."""
    del sources
    return params
