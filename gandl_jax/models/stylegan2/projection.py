"""A projection of features for contrastive learning."""

import flax.linen as nn
from jax import Array, lax
from jax import numpy as jnp

from gandl_jax.models.stylegan2.layers import Dense, leaky_relu


class Projection(nn.Module):
    """Two dense layers, then unit length (SimCLR, Chen et al. 2020, sec. 2.1).

    Attributes:
      hidden: width of the first layer.
      dim: K, width of the result.
    """

    hidden: int = 256
    dim: int = 128

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, D] float32 to [B, K], each row of length 1."""
        x = leaky_relu(Dense(self.hidden, name="dense0")(x))
        x = Dense(self.dim, name="dense1")(x)
        return x * lax.rsqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-8)
