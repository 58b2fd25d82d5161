"""A trainable 1 x 1 convolution to one channel, repeated for three colours.

It is ImageNet-collapsed of GAN-DL's paper (Mascolini et al. 2022), and begins as the
mean of the channels, without a bias (ours).
"""

from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array

from gandl_jax.models.mixing import weighted_sum
from gandl_jax.models.small_cnn import takes_channels

COLOURS = 3
APART = False


class Mixing(nn.Module):
    """A weighted sum of the channels, repeated three times."""

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Maps [B, H, W, C] float32 to [B, H, W, 3]: around [-1, 1]."""
        mean = nn.initializers.constant(1 / images.shape[-1])
        grey = nn.Conv(1, (1, 1), kernel_init=mean, dtype=jnp.float32, name="sum")
        return grey(images).repeat(COLOURS, -1)


def importance(params: Mapping[str, Mapping[str, Array]]) -> np.ndarray:
    """Returns shares of absolute weights (ours), [C] of sum 1; signs may cancel."""
    return weighted_sum.shares(np.abs(params["sum"]["kernel"][0, 0]))


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns the weights of other channels, with the same sum."""
    kernel = takes_channels(params["sum"]["kernel"], sources, axis=2)
    return {"sum": params["sum"] | {"kernel": kernel}}
