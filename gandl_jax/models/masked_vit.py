"""A masked autoencoder (He et al. 2022): patches rebuilt from the few that are seen."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gandl_jax.models import vit
from gandl_jax.models.small_cnn import takes_channels


class Decoder(nn.Module):
    """From the tokens of patches that are seen to the pixels of all.

    Attributes:
      pixels: of a patch, all channels.
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
        """Pixels of all patches.

        Args:
          tokens: [B, K, D] of the patches that are seen.
          order: [B, P] int32, every patch once, those that are seen first, as tokens
            are.
          grid: patches a side of the image.

        Returns:
          [B, P, pixels] float32, patches row by row.
        """
        x = nn.Dense(self.width, dtype=self.dtype, name="from_tokens")(tokens)
        hidden = self.param("hidden", nn.initializers.normal(0.02), (1, 1, self.width))
        lacking = order.shape[1] - tokens.shape[1]
        hidden = jnp.broadcast_to(hidden, (len(x), lacking, self.width))
        x = jnp.concatenate([x.astype(tokens.dtype), hidden.astype(tokens.dtype)], 1)
        x = vit.taken(x, jnp.argsort(order, 1))
        at = vit.positions(grid, grid, self.width)
        x = x + jnp.asarray(at, x.dtype)[None]
        x = vit.Blocks(self.depth, self.heads, self.dtype, name="blocks")(x)["tokens"]
        return nn.Dense(self.pixels, name="to_pixels")(x)


class MaskedAutoencoder(nn.Module):
    """A vision transformer that sees a part, and a small decoder.

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
        """Names the parts, whose parameters are made when they are first used."""
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
        """Pixels of all patches, [B, P, p p C], of images [B, N, N, C].

        Args:
          images: in [-1, 1].
          order: [B, P] int32, every patch once; the first are seen.
          seen: how many.
        """
        tokens = self.encoder(images, order[:, :seen])["tokens"]
        return self.decoder(tokens, order, images.shape[1] // self.patch_px)

    def encode(self, images: Array) -> dict[str, Array]:
        """Tokens of whole images: "block1", ..., "tokens", [B, P, width] each."""
        return self.encoder(images)


def orders(keys: Array, count: int) -> Array:
    """Patches in a random order, [B, count] int32, for each of [B] keys."""
    draw = jax.vmap(lambda key: jax.random.permutation(key, count))
    return draw(keys).astype(jnp.int32)


def with_channels(params: dict, sources: Sequence[int | None], patch_px: int) -> dict:
    """Parameters that take, and make, images of other channels.

    Args:
      params: of a `MaskedAutoencoder`.
      sources: for each new channel one of the old ones; None is their mean.
      patch_px: side of a patch.
    """
    encoder = vit.with_channels(params["encoder"], sources, patch_px)
    decoder = params["decoder"]
    last = {
        name: _of_pixels(np.asarray(x), sources, patch_px)
        for name, x in decoder["to_pixels"].items()
    }
    return params | {"encoder": encoder, "decoder": decoder | {"to_pixels": last}}


def _of_pixels(x: np.ndarray, sources: Sequence[int | None], patch_px: int):
    """[..., p p C], of another C."""
    apart = x.reshape(-1, 1, patch_px**2, x.shape[-1] // patch_px**2)
    made = takes_channels(apart, sources, axis=3)
    return made.reshape(*x.shape[:-1], -1)
