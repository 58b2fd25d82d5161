"""A masked autoencoder (He et al. 2022): patches rebuilt from a few visible ones."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gandl_jax.models import vit
from gandl_jax.models.small_cnn import takes_channels


class Decoder(nn.Module):
    """Decoder of the tokens of visible patches to the pixels of all.

    Attributes:
      pixels: number of a patch's, times channels.
      width: of its tokens; a multiple of 4 and of the heads.
      depth: blocks.
      heads: of each block.
      dtype: of the products.
    """

    pixels: int
    width: int
    depth: int
    heads: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, tokens: Array, order: Array, grid: int) -> Array:
        """Computes the pixels of all patches.

        Args:
          tokens: [B, K, D] of the patches that are seen.
          order: [B, P] int32, every patch once, the visible ones first, as in `tokens`.
          grid: patches along a side of the image.

        Returns:
          [B, P, pixels] float32, patches row by row.
        """
        x = nn.Dense(self.width, dtype=self.dtype, name="from_tokens")(tokens)
        hidden = self.param("hidden", nn.initializers.normal(0.02), (1, 1, self.width))
        hidden_count = order.shape[1] - tokens.shape[1]
        hidden = jnp.broadcast_to(hidden, (len(x), hidden_count, self.width))
        x = jnp.concatenate([x.astype(tokens.dtype), hidden.astype(tokens.dtype)], 1)
        x = vit.taken(x, jnp.argsort(order, 1))
        positions = vit.positions(grid, grid, self.width)
        x = x + jnp.asarray(positions, x.dtype)[None]
        x = vit.Blocks(self.depth, self.heads, self.dtype, name="blocks")(x)["tokens"]
        return nn.Dense(self.pixels, name="to_pixels")(x)


class MaskedAutoencoder(nn.Module):
    """A vision transformer that sees some patches, and a small decoder.

    Attributes:
      channels: C of the images.
      patch_px: side of a patch.
      width, depth, heads: of the encoder.
      decoder_width, decoder_depth, decoder_heads: of the decoder.
      dtype: of the products.
    """

    channels: int
    patch_px: int
    width: int
    depth: int
    heads: int
    decoder_width: int
    decoder_depth: int
    decoder_heads: int
    dtype: jnp.dtype = jnp.float32

    def setup(self):
        """Names the submodules, whose parameters are made at first use."""
        sizes = self.patch_px, self.width, self.depth, self.heads
        self.encoder = vit.VisionTransformer(*sizes, dtype=self.dtype)
        self.decoder = Decoder(
            self.patch_px**2 * self.channels,
            self.decoder_width,
            self.decoder_depth,
            self.decoder_heads,
            self.dtype,
        )

    def __call__(self, images: Array, order: Array, seen: int) -> Array:
        """Rebuilds the pixels of all patches, [B, P, p p C], of images [B, N, N, C].

        Args:
          images: in [-1, 1].
          order: [B, P] int32, every patch once; the first are seen.
          seen: number of visible patches.
        """
        tokens = self.encoder(images, order[:, :seen])["tokens"]
        return self.decoder(tokens, order, images.shape[1] // self.patch_px)

    def encode(self, images: Array) -> dict[str, Array]:
        """Returns tokens of whole images: "block1", ..., "tokens", [B, P, width]."""
        return self.encoder(images)


def orders(keys: Array, count: int) -> Array:
    """Draws a random order of patches, [B, count] int32, for each of [B] keys."""
    draw = jax.vmap(lambda key: jax.random.permutation(key, count))
    return draw(keys).astype(jnp.int32)


def with_channels(params: dict, sources: Sequence[int | None], patch_px: int) -> dict:
    """Returns parameters for images of other channels.

    Args:
      params: of a `MaskedAutoencoder`.
      sources: the old channel for each new one; None for the mean of all.
      patch_px: side of a patch.
    """
    encoder = vit.with_channels(params["encoder"], sources, patch_px)
    decoder = params["decoder"]
    last = {
        name: _of_pixels(np.asarray(x), sources, patch_px)
        for name, x in decoder["to_pixels"].items()
    }
    return params | {"encoder": encoder, "decoder": decoder | {"to_pixels": last}}


def _of_pixels(array: np.ndarray, sources: Sequence[int | None], patch_px: int):
    """Changes the C of an array [..., p p C]."""
    by_channel = array.reshape(-1, 1, patch_px**2, array.shape[-1] // patch_px**2)
    changed = takes_channels(by_channel, sources, axis=3)
    return changed.reshape(*array.shape[:-1], -1)
