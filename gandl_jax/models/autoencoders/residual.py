"""The convolutional autoencoder that GAN-DL was compared with, as far as it is known.

Mascolini et al. 2022 (BMC Bioinformatics 23:295) say that it has the residual scheme of
StyleGAN2's generator, and that its last encoder layer, of 1024, is the embedding. Here
that is residual blocks in the encoder (as in StyleGAN2's discriminator), and in the
decoder the generator's skip outputs: at every resolution a layer adds to the image,
which is doubled in between (Karras et al. 2020, sec. 4.1 and fig. 7). Ours, as the
paper leaves it open: numbers of layers and channels, group normalisation after
every 3 x 3 convolution, ReLU, a dense layer to the code and one from it, no residual
blocks in the decoder.
"""

import math
from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gandl_jax.models import small_cnn
from gandl_jax.models.small_cnn import Layer
from gandl_jax.models.stylegan2 import resample

TO_IMAGE = "_image"  # suffix of the names of layers that add to the image


class Block(nn.Module):
    """Two layers, of which the second halves the image, with a shortcut.

    Attributes:
      features: D, channels of the result.
      dtype: of the computation.
    """

    features: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H/2, W/2, features]."""
        halved = nn.avg_pool(x, (2, 2), (2, 2))
        shortcut = nn.Conv(
            self.features, (1, 1), use_bias=False, dtype=self.dtype, name="shortcut"
        )(halved)
        x = Layer(x.shape[-1], dtype=self.dtype, name="keep")(x)
        x = Layer(self.features, 2, self.dtype, name="halve")(x)
        return (x + shortcut) * math.sqrt(0.5)  # keeps the variance (StyleGAN2, app. B)


class Encoder(nn.Module):
    """A layer of 1 x 1, then blocks.

    Attributes:
      widths: channels of each block's result.
      dtype: of the computation.
    """

    widths: Sequence[int]
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, images: Array) -> dict[str, Array]:
        """Computes maps of images [B, N, N, C]: "b<input side of block>", in order."""
        first = nn.Conv(self.widths[0], (1, 1), dtype=self.dtype, name="from_image")
        x, maps = first(images.astype(self.dtype)), {}
        for width in self.widths:
            name = f"b{x.shape[1]}"
            maps[name] = x = Block(width, self.dtype, name=name)(x)
        return {name: x.astype(jnp.float32) for name, x in maps.items()}


class Decoder(nn.Module):
    """Decoder of a code to an image, to which every resolution adds.

    Attributes:
      channels: C of the image.
      side: N of the image, in pixels.
      widths: of the encoder.
      dtype: of the computation; images are added up in float32.
    """

    channels: int
    side: int
    widths: Sequence[int]
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, code: Array) -> Array:
        """Maps [B, D] float32 to [B, N, N, C] float32."""
        least = self.side >> len(self.widths)
        x = nn.Dense(least * least * self.widths[-1], name="from_code")(code)
        x = x.reshape(-1, least, least, self.widths[-1]).astype(self.dtype)
        x = Layer(self.widths[-1], dtype=self.dtype, name=f"b{least}_conv")(x)
        image = self._to_image(x)
        for width in reversed(self.widths):
            x = x.repeat(2, 1).repeat(2, 2)
            name = f"b{x.shape[1]}"
            x = Layer(width, dtype=self.dtype, name=f"{name}_conv0")(x)
            x = Layer(width, dtype=self.dtype, name=f"{name}_conv1")(x)
            image = resample.upsample(image) + self._to_image(x)
        return image

    def _to_image(self, x: Array) -> Array:
        """Maps [B, H, W, D] to its addition to the image, [B, H, W, C] float32."""
        name = f"b{x.shape[1]}{TO_IMAGE}"
        return nn.Conv(self.channels, (1, 1), dtype=jnp.float32, name=name)(x)


def network(**sizes) -> small_cnn.Autoencoder:
    """Makes the network; sizes are channels, side, widths, code and dtype."""
    return small_cnn.Autoencoder(**sizes, encoder_type=Encoder, decoder_type=Decoder)


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns parameters whose first and to-image layers fit other channels."""
    encoder, decoder = params["encoder"], params["decoder"]
    first = encoder["from_image"]
    kernel = small_cnn.takes_channels(first["kernel"], sources, axis=2)
    encoder = encoder | {"from_image": first | {"kernel": kernel}}
    to_image_layers = {
        name: small_cnn.makes_channels(layer, sources)
        for name, layer in decoder.items()
        if name.endswith(TO_IMAGE)
    }
    return params | {"encoder": encoder, "decoder": decoder | to_image_layers}
