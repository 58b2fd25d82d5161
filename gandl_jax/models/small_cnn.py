"""A small convolutional network: blocks that halve an image, and blocks that double it.

Every convolution is followed by a group normalisation (Wu & He 2018), which knows one
image at a time, so that results do not depend on who shares a batch; it has a bias of
its own, the convolution before it none. Ours.
"""

import math
from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array

GROUPS = 8  # of channels that are normalised together, at most (ours)


def widths(base: int, most: int, blocks: int) -> tuple[int, ...]:
    """Channels of each block: twice as many as before, up to a limit."""
    return tuple(min(base * 2**i, most) for i in range(blocks))


class Layer(nn.Module):
    """A convolution of 3 x 3, normalised, and a ReLU.

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
        """[B, H, W, C] to [B, H / stride, W / stride, features]."""
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
    """Blocks of two layers, the second of which halves the image.

    Attributes:
      widths: channels of each block's result.
      dtype: of the computation.
      side: of the images that blocks are named by, in pixels; 0 is that of whatever
        comes in. Smaller crops go through the same blocks.
    """

    widths: Sequence[int]
    dtype: jnp.dtype = jnp.float32
    side: int = 0

    @nn.compact
    def __call__(self, images: Array) -> dict[str, Array]:
        """Maps of images [B, N, N, C]: "b<side that the block takes>", in order."""
        x, maps = images.astype(self.dtype), {}
        for block, width in enumerate(self.widths):
            side = (self.side or images.shape[1]) >> block
            x = Layer(width, dtype=self.dtype, name=f"b{side}_keep")(x)
            x = Layer(width, 2, self.dtype, name=f"b{side}_halve")(x)
            maps[f"b{side}"] = x
        return {name: x.astype(jnp.float32) for name, x in maps.items()}


class UnderItsName(nn.Module):
    """A network that is part of a whole, drawn by the name that it has there.

    Attributes:
      encoder: the network, whose parameters are made as "encoder".
    """

    encoder: nn.Module

    def __call__(self, images: Array) -> dict[str, Array]:
        """What the network gives of images."""
        return self.encoder(images)


class Decoder(nn.Module):
    """From a code to an image: the encoder's blocks, backwards.

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
        """[B, D] float32 to [B, N, N, C] float32."""
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
      encoder_type: made of (widths, dtype); called, it gives maps as `Encoder` does.
      decoder_type: made of (channels, side, widths, dtype), called as `Decoder` is.
    """

    channels: int
    side: int
    widths: Sequence[int]
    code: int
    dtype: jnp.dtype = jnp.float32
    encoder_type: type[nn.Module] = Encoder
    decoder_type: type[nn.Module] = Decoder

    def setup(self):
        """Names the parts, whose parameters are made when they are first used."""
        self.encoder = self.encoder_type(self.widths, self.dtype)
        self.to_code = nn.Dense(self.code)
        self.decoder = self.decoder_type(
            self.channels, self.side, self.widths, self.dtype
        )

    def __call__(self, images: Array) -> Array:
        """[B, N, N, C] in [-1, 1], rebuilt."""
        return self.decoder(self.encode(images)["code"])

    def encode(self, images: Array) -> dict[str, Array]:
        """{"code": [B, D], and the maps of all blocks}."""
        maps = self.encoder(images)
        deepest = maps[next(reversed(maps))]
        return {"code": self.to_code(deepest.reshape(len(images), -1)), **maps}


class Classifier(nn.Module):
    """An encoder, its deepest map averaged over space, a layer, and logits.

    Attributes:
      widths: of the encoder's blocks.
      penultimate: width of the layer before the logits.
      classes: column to its number of classes.
      dtype: of the computation.
    """

    widths: Sequence[int]
    penultimate: int
    classes: dict[str, int]
    dtype: jnp.dtype = jnp.float32

    def setup(self):
        """Names the parts, whose parameters are made when they are first used."""
        self.encoder = Encoder(self.widths, self.dtype)
        self.dense = nn.Dense(self.penultimate)
        self.heads = {name: nn.Dense(n) for name, n in self.classes.items()}

    def __call__(self, images: Array) -> dict[str, Array]:
        """{column: [B, classes] float32 logits} of [B, N, N, C] in [-1, 1]."""
        x = self.encode(images)["penultimate"]
        return {name: head(x) for name, head in self.heads.items()}

    def encode(self, images: Array) -> dict[str, Array]:
        """{"penultimate": [B, D], and the maps of all blocks}."""
        maps = self.encoder(images)
        x = nn.relu(self.dense(maps[next(reversed(maps))].mean((1, 2))))
        return {"penultimate": x, **maps}


def pooled(maps: dict[str, Array]) -> dict[str, Array]:
    """Means and standard deviations over space: {"b<r>": [B, 2 D]}, all as "blocks"."""
    sets = {
        name: jnp.concatenate([x.mean((1, 2)), x.std((1, 2))], -1)
        for name, x in maps.items()
    }
    return sets | {"blocks": jnp.concatenate(list(sets.values()), -1)}


def takes_channels(
    kernel: np.ndarray, sources: Sequence[int | None], axis: int
) -> np.ndarray:
    """A convolution's kernel for images of other channels.

    What it takes is scaled so that a grey image, the same in all channels, excites the
    layer as before, if the sources use all channels alike.

    Args:
      kernel: [k, k, old channels, features] with axis 2, or of the layer that makes
        the image, [k, k, features, old channels] with axis 3, whose scale stays.
      sources: for each new channel one of the old ones; None is their mean.
      axis: of the channels.
    """
    kernel = np.asarray(kernel)
    taken = [
        kernel.mean(axis) if source is None else kernel.take(source, axis)
        for source in sources
    ]
    scale = kernel.shape[2] / len(sources) if axis == 2 else 1.0
    return np.stack(taken, axis) * np.float32(scale)


def makes_channels(layer: dict, sources: Sequence[int | None]) -> dict:
    """A convolution that makes an image, for images of other channels.

    Args:
      layer: its "kernel" [k, k, features, old channels] and "bias" [old channels].
      sources: as for `takes_channels`.
    """
    kernel = takes_channels(layer["kernel"], sources, axis=3)
    bias = np.asarray(layer["bias"])
    bias = np.float32([bias.mean() if s is None else bias[s] for s in sources])
    return {"kernel": kernel, "bias": bias}


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Parameters of a network whose encoder takes images of other channels.

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
    """Side in pixels of what a layer "b64_keep" takes."""
    return int(name.partition("_")[0].removeprefix("b"))
