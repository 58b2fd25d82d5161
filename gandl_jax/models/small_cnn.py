"""A small convolutional network: blocks that halve an image, and blocks that double it.

Every convolution is followed by a group normalisation (Wu & He 2018) of one image at a
time, so that results do not depend on the other images of a batch; it has a bias, and
the convolution before it has none. Ours.
"""

import math
from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array

GROUPS = 8  # most groups of channels that are normalised together (ours)


def widths(base: int, most_channels: int, blocks: int) -> tuple[int, ...]:
    """Returns the channels of each block: twice as many as before, up to a limit."""
    return tuple(min(base * 2**block, most_channels) for block in range(blocks))


class Layer(nn.Module):
    """A convolution of 3 x 3, a normalisation, and a ReLU.

    Attributes:
      features: channels of the result.
      stride: 2 halves height and width.
      dtype: of the computation; parameters and statistics are float32.
    """

    features: int
    stride: int = 1
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H / stride, W / stride, features]."""
        x = nn.Conv(
            self.features,
            (3, 3),
            (self.stride, self.stride),
            use_bias=False,
            kernel_init=nn.initializers.he_normal(),
            dtype=self.dtype,
            name="conv",
        )(x)
        groups = math.gcd(GROUPS, self.features)
        x = nn.GroupNorm(groups, dtype=self.dtype, name="norm")(x)
        return nn.relu(x)


class Encoder(nn.Module):
    """Blocks of two layers, of which the second halves the image.

    Attributes:
      widths: channels of each block's result.
      dtype: of the computation.
      side: of the images that blocks are named by, in pixels; 0 takes that of the
        input. Smaller crops go through the same blocks.
    """

    widths: Sequence[int]
    dtype: jnp.dtype = jnp.float32
    side: int = 0

    @nn.compact
    def __call__(self, images: Array) -> dict[str, Array]:
        """Computes maps of images [B, N, N, C]: "b<input side of block>", in order."""
        x, maps = images.astype(self.dtype), {}
        for block, width in enumerate(self.widths):
            side = (self.side or images.shape[1]) >> block
            x = Layer(width, dtype=self.dtype, name=f"b{side}_keep")(x)
            x = Layer(width, 2, self.dtype, name=f"b{side}_halve")(x)
            maps[f"b{side}"] = x
        return {name: x.astype(jnp.float32) for name, x in maps.items()}


class UnderItsName(nn.Module):
    """A network under the name "encoder", by which its parameters are drawn.

    Attributes:
      encoder: the network.
    """

    encoder: nn.Module

    def __call__(self, images: Array) -> dict[str, Array]:
        """Applies the network to images."""
        return self.encoder(images)


class Decoder(nn.Module):
    """Decoder of a code to an image: the encoder's blocks, in reverse.

    Attributes:
      channels: C of the image.
      side: N of the image, in pixels.
      widths: of the encoder.
      dtype: of the computation.
    """

    channels: int
    side: int
    widths: Sequence[int]
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, code: Array) -> Array:
        """Maps [B, D] float32 to [B, N, N, C] float32."""
        least = self.side >> len(self.widths)
        x = nn.Dense(least * least * self.widths[-1], name="from_code")(code)
        x = x.reshape(-1, least, least, self.widths[-1]).astype(self.dtype)
        for width in reversed(self.widths):
            x = x.repeat(2, 1).repeat(2, 2)
            x = Layer(width, dtype=self.dtype, name=f"b{x.shape[1]}")(x)
        x = nn.Conv(self.channels, (3, 3), dtype=jnp.float32, name="to_image")(x)
        return x.astype(jnp.float32)


class Autoencoder(nn.Module):
    """An encoder, a code, and a decoder.

    Attributes:
      channels: C of the images.
      side: N of the images, in pixels.
      widths: of the encoder's blocks.
      code: D, width of the code.
      dtype: of the computation.
      encoder_type: class like `Encoder`, made of (widths, dtype).
      decoder_type: class like `Decoder`, made of (channels, side, widths, dtype).
    """

    channels: int
    side: int
    widths: Sequence[int]
    code: int
    dtype: jnp.dtype = jnp.float32
    encoder_type: type[nn.Module] = Encoder
    decoder_type: type[nn.Module] = Decoder

    def setup(self):
        """Names the submodules, whose parameters are made at first use."""
        self.encoder = self.encoder_type(self.widths, self.dtype)
        self.to_code = nn.Dense(self.code)
        self.decoder = self.decoder_type(
            self.channels, self.side, self.widths, self.dtype
        )

    def __call__(self, images: Array) -> Array:
        """Rebuilds images [B, N, N, C] in [-1, 1]."""
        return self.decoder(self.encode(images)["code"])

    def encode(self, images: Array) -> dict[str, Array]:
        """Returns {"code": [B, D], and the maps of all blocks}."""
        maps = self.encoder(images)
        deepest = maps[next(reversed(maps))]
        return {"code": self.to_code(deepest.reshape(len(images), -1)), **maps}


class Classifier(nn.Module):
    """An encoder, the mean of its deepest map, a layer, and logits.

    Attributes:
      widths: of the encoder's blocks.
      penultimate: width of the layer before the logits.
      classes: {column: number of classes}.
      dtype: of the computation.
    """

    widths: Sequence[int]
    penultimate: int
    classes: dict[str, int]
    dtype: jnp.dtype = jnp.float32

    def setup(self):
        """Names the submodules, whose parameters are made at first use."""
        self.encoder = Encoder(self.widths, self.dtype)
        self.dense = nn.Dense(self.penultimate)
        self.heads = {name: nn.Dense(count) for name, count in self.classes.items()}

    def __call__(self, images: Array) -> dict[str, Array]:
        """Returns logits {column: [B, classes] float32} of [B, N, N, C] in [-1, 1]."""
        x = self.encode(images)["penultimate"]
        return {name: head(x) for name, head in self.heads.items()}

    def encode(self, images: Array) -> dict[str, Array]:
        """Returns {"penultimate": [B, D], and the maps of all blocks}."""
        maps = self.encoder(images)
        x = nn.relu(self.dense(maps[next(reversed(maps))].mean((1, 2))))
        return {"penultimate": x, **maps}


def pooled(maps: dict[str, Array]) -> dict[str, Array]:
    """Pools maps to means and deviations: {"b<r>": [B, 2 D]}, joined as "blocks"."""
    sets = {
        name: jnp.concatenate([block_map.mean((1, 2)), block_map.std((1, 2))], -1)
        for name, block_map in maps.items()
    }
    return sets | {"blocks": jnp.concatenate(list(sets.values()), -1)}


def takes_channels(
    kernel: np.ndarray, sources: Sequence[int | None], axis: int
) -> np.ndarray:
    """Returns a convolution's kernel for images of other channels.

    Input kernels are scaled so that a grey image, equal in all channels, excites the
    layer as before, if the sources use all channels equally.

    Args:
      kernel: [k, k, old channels, features] with axis 2, or for the layer that makes
        the image, [k, k, features, old channels] with axis 3, which is not scaled.
      sources: the old channel for each new one; None for the mean of all.
      axis: of the channels.
    """
    kernel = np.asarray(kernel)
    new_kernels = [
        kernel.mean(axis) if source is None else kernel.take(source, axis)
        for source in sources
    ]
    scale = kernel.shape[2] / len(sources) if axis == 2 else 1.0
    return np.stack(new_kernels, axis) * np.float32(scale)


def makes_channels(layer: dict, sources: Sequence[int | None]) -> dict:
    """Returns a convolution that makes an image, for other channels.

    Args:
      layer: its "kernel" [k, k, features, old channels] and "bias" [old channels].
      sources: as for `takes_channels`.
    """
    kernel = takes_channels(layer["kernel"], sources, axis=3)
    bias = np.asarray(layer["bias"])
    bias = np.float32(
        [bias.mean() if source is None else bias[source] for source in sources]
    )
    return {"kernel": kernel, "bias": bias}


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns parameters whose encoder takes images of other channels.

    Args:
      params: with an `Encoder` under "encoder".
      sources: as for `takes_channels`.
    """
    encoder = params["encoder"]
    first = max(encoder, key=lambda name: (_side(name), name.endswith("_keep")))
    kernel = takes_channels(encoder[first]["conv"]["kernel"], sources, axis=2)
    layer = encoder[first] | {"conv": {"kernel": kernel}}
    return params | {"encoder": encoder | {first: layer}}


def _side(name: str) -> int:
    """Returns the input side in px of a layer such as "b64_keep"."""
    return int(name.partition("_")[0].removeprefix("b"))
