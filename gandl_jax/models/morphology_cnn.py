"""The small network of a study of sixteen ways to learn a cell's morphology.

Dmitrenko et al. 2022 (arXiv 2203.04107): four convolutions of 3 x 3 to 64, 32, 16 and 8
channels, the first two followed by pooling, so that an image of 64 x 64 pixels gives
8 x 16 x 16 = 2,048 features; the decoder has 32, 64 and 64 channels, doubles twice and
ends in a sigmoid. Ours, as the paper leaves it open: a LeakyReLU after every
convolution but the decoder's last, pooling by the maximum, doubling by repeating
pixels, and the initial weights.
"""

import math
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.models.small_cnn import makes_channels, takes_channels

WIDTHS = (64, 32, 16, 8)  # of the encoder's convolutions
DOWN = (64, 32)  # widths of those that pooling follows
SLOPE = 0.01  # of LeakyReLUs, below 0 (PyTorch's default)


class Encoder(nn.Module):
    """Four convolutions.

    Attributes:
      dtype: of the computation.
    """

    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, images: Array) -> dict[str, Array]:
        """Computes maps "conv1" to "conv4" of images; the last is [B, N/4, N/4, 8]."""
        x, maps = images.astype(self.dtype), {}
        for number, width in enumerate(WIDTHS, 1):
            x = nn.leaky_relu(_conv(width, self.dtype, f"conv{number}")(x), SLOPE)
            if width in DOWN:
                x = nn.max_pool(x, (2, 2), (2, 2))
            maps[f"conv{number}"] = x
        return {name: x.astype(jnp.float32) for name, x in maps.items()}


class Decoder(nn.Module):
    """Decoder of a code to an image.

    Attributes:
      channels: C of the image.
      dtype: of the computation.
    """

    channels: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, code: Array) -> Array:
        """Maps [B, N N / 2] float32 to [B, N, N, C] float32 in (-1, 1)."""
        side = math.isqrt(code.shape[1] // WIDTHS[-1])
        x = code.reshape(-1, side, side, WIDTHS[-1]).astype(self.dtype)
        for number, width in enumerate((32, 64, 64), 1):
            x = nn.leaky_relu(_conv(width, self.dtype, f"conv{number}")(x), SLOPE)
            if number < 3:
                x = x.repeat(2, 1).repeat(2, 2)
        x = _conv(self.channels, jnp.float32, "to_image")(x.astype(jnp.float32))
        return 2 * jax.nn.sigmoid(x) - 1


class Autoencoder(nn.Module):
    """The encoder and the decoder; the code is the last map.

    Attributes:
      channels: C of the images.
      dtype: of the computation.
    """

    channels: int
    dtype: jnp.dtype = jnp.float32

    def setup(self):
        """Names the submodules, whose parameters are made at first use."""
        self.encoder = Encoder(self.dtype)
        self.decoder = Decoder(self.channels, self.dtype)

    def __call__(self, images: Array) -> Array:
        """Rebuilds images [B, N, N, C] in [-1, 1]."""
        return self.decoder(self.encode(images)["code"])

    def encode(self, images: Array) -> dict[str, Array]:
        """Returns {"code": [B, N N / 2], and the maps of all convolutions}."""
        maps = self.encoder(images)
        return {"code": code(maps), **maps}


def code(maps: dict[str, Array]) -> Array:
    """Flattens the last map to [B, N N / 2], 2,048 for 64 px."""
    return maps["conv4"].reshape(len(maps["conv4"]), -1)


def encoder_with_channels(encoder: dict, sources: Sequence[int | None]) -> dict:
    """Returns an encoder's parameters for other channels, as in `takes_channels`."""
    first = encoder["conv1"]
    kernel = takes_channels(first["kernel"], sources, axis=2)
    return encoder | {"conv1": first | {"kernel": kernel}}


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns an autoencoder's parameters for images of other channels."""
    decoder = params["decoder"]
    last = makes_channels(decoder["to_image"], sources)
    return params | {
        "encoder": encoder_with_channels(params["encoder"], sources),
        "decoder": decoder | {"to_image": last},
    }


def _conv(features: int, dtype: jnp.dtype, name: str) -> nn.Conv:
    kernel = nn.initializers.he_normal()
    return nn.Conv(features, (3, 3), kernel_init=kernel, dtype=dtype, name=name)
