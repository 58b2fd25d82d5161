"""A network of random convolutions, which is never trained.

It has no normalisation, so that contrast and brightness of an image show in what it
gives; kernels of He et al. 2015 keep the scale of the maps from layer to layer. Ours.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

SLOPE = 0.2  # of the leaky ReLU, below 0
BIAS = 0.5  # deviation of the biases: units respond from different levels on (ours)


class RandomConvolutions(nn.Module):
    """Blocks of a convolution of 3 x 3, a leaky ReLU and a mean over 2 x 2 pixels.

    Attributes:
      widths: channels of each block's maps.
    """

    widths: Sequence[int]

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Pools the maps of all blocks.

        Args:
          images: [B, N, N, C] float32 in [-1, 1], N at least 2^blocks.

        Returns:
          [B, 2 sum(widths)] float32: means over space, then standard deviations, of
          each block before its pixels are averaged.
        """
        x, features = images, []
        for width in self.widths:
            x = nn.Conv(
                width,
                (3, 3),
                kernel_init=nn.initializers.he_normal(),
                bias_init=nn.initializers.normal(BIAS),
            )(x)
            x = nn.leaky_relu(x, SLOPE)
            features += [x.mean((1, 2)), x.std((1, 2))]
            x = nn.avg_pool(x, (2, 2), (2, 2))
        return jnp.concatenate(features, -1)
