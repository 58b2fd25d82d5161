"""DCGAN (Radford et al. 2016, arXiv 1511.06434): strided convolutions, both ways.

The paper's guidelines: no pooling; batch normalisation in both networks, but not in
the layers that make or take an image; ReLU in the generator with tanh at its end,
LeakyReLU in the discriminator; weights of deviation 0.02. The discriminator has a dense
layer before its score, from which CytoGAN (Goldsborough et al. 2017) takes features.
Kernels of 4 x 4 pixels, which a stride of 2 covers evenly, are ours.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gandl_jax.models import conv_norm, small_cnn

SIDE = 4  # of kernels that halve or double, pixels (ours)
SLOPE = 0.2  # of LeakyReLU below 0 (the paper, sec. 4)
START = nn.initializers.normal(0.02)  # of all weights (the paper, sec. 4)
NORMALISATIONS = ("batch", "layer", "none")
CLASSES = "classes"  # logits of an auxiliary classifier, among D's outputs


class Discriminator(nn.Module):
    """Convolutions that halve an image, a dense layer, a score.

    Attributes:
      widths: channels of each block's result.
      penultimate: width of the dense layer before the score.
      normalisation: one of `NORMALISATIONS`, of every block but the first. "layer"
        normalises each image over [H, W, C] (Ba et al. 2016; in WGAN-GP).
      axis: of the devices that share batch statistics; None for this one alone.
      dtype: of the convolutions.
      classes: K, which it also predicts from the dense layer; 0 is none.
    """

    widths: Sequence[int]
    penultimate: int
    normalisation: str
    axis: str | None = None
    dtype: jnp.dtype = jnp.float32
    classes: int = 0

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> dict[str, Array]:
        """Computes maps, features and score of images [B, N, N, C] in [-1, 1].

        Args:
          images: with sides that every block can halve.
          train: whether to use the images' batch statistics, not the running ones.

        Returns:
          "b<r>": [B, r/2, r/2, D], the block that takes r px, in order; "penultimate":
          [B, D]; "score": [B]; CLASSES: [B, K] logits, if it has any. All float32.
        """
        make = conv_norm.Layers(conv_norm.TORCH, train, self.axis, self.dtype)
        x, maps = images.astype(self.dtype), {}
        for number, width in enumerate(self.widths):
            name = f"b{x.shape[1]}"
            has_norm = number > 0 and self.normalisation != "none"
            x = nn.Conv(
                width,
                (SIDE, SIDE),
                (2, 2),
                use_bias=not has_norm,
                kernel_init=START,
                dtype=self.dtype,
                name=f"{name}_conv",
            )(x)
            if has_norm:
                x = self._norm(make, f"{name}_norm")(x)
            maps[name] = x = nn.leaky_relu(x, SLOPE)
        outputs = {name: x.astype(jnp.float32) for name, x in maps.items()}
        flat = x.astype(jnp.float32).reshape(len(x), -1)
        dense = nn.Dense(self.penultimate, kernel_init=START, name="dense")(flat)
        outputs["penultimate"] = nn.leaky_relu(dense, SLOPE)
        score = nn.Dense(1, kernel_init=START, name="score")(outputs["penultimate"])
        outputs["score"] = score[:, 0]
        if self.classes:
            predict = nn.Dense(self.classes, kernel_init=START, name=CLASSES)
            outputs[CLASSES] = predict(outputs["penultimate"])
        return outputs

    def _norm(self, make: conv_norm.Layers, name: str) -> nn.Module:
        if self.normalisation == "batch":
            return make.batch_norm(name)
        return nn.LayerNorm(
            reduction_axes=(1, 2, 3),
            feature_axes=-1,
            epsilon=conv_norm.TORCH.epsilon,
            use_fast_variance=False,  # E[x^2] - E[x]^2 would cancel in float32
            dtype=self.dtype,
            name=name,
        )


class Generator(nn.Module):
    """Generator of images from latents: the discriminator's blocks, in reverse.

    Attributes:
      channels: C of the image.
      side: N of the image, in pixels.
      widths: of the discriminator.
      doubling: "transposed" convolutions, as in the paper, or "resize": repeated
        pixels, then a convolution of 3 x 3 (Odena et al. 2016), against chequers.
      axis: as of the discriminator.
      dtype: of the convolutions.
    """

    channels: int
    side: int
    widths: Sequence[int]
    doubling: str = "transposed"
    axis: str | None = None
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, z: Array, *, train: bool) -> Array:
        """Maps [B, Z] to [B, N, N, C] float32 in [-1, 1]; `train` as in D."""
        make = conv_norm.Layers(conv_norm.TORCH, train, self.axis, self.dtype)
        least, deepest = self.side >> len(self.widths), self.widths[-1]
        x = nn.Dense(
            least * least * deepest, use_bias=False, kernel_init=START, name="from_z"
        )(z)
        x = x.reshape(-1, least, least, deepest).astype(self.dtype)
        x = nn.relu(make.batch_norm("from_z_norm")(x))
        for width in reversed(self.widths[:-1]):
            name = f"b{2 * x.shape[1]}"
            x = self._doubled(x, width, f"{name}_conv", self.dtype, use_bias=False)
            x = nn.relu(make.batch_norm(f"{name}_norm")(x))
        image = self._doubled(x, self.channels, "to_image", jnp.float32)
        return jnp.tanh(image)

    def _doubled(
        self, x: Array, width: int, name: str, dtype: jnp.dtype, **options
    ) -> Array:
        settings = {"kernel_init": START, "dtype": dtype, "name": name} | options
        if self.doubling == "transposed":
            return nn.ConvTranspose(width, (SIDE, SIDE), (2, 2), **settings)(x)
        return nn.Conv(width, (3, 3), **settings)(x.repeat(2, 1).repeat(2, 2))


def discriminator_with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns a discriminator's parameters for images of other channels.

    Args:
      params: of the discriminator.
      sources: the old channel for each new one; None for the mean of all.
    """
    sides = (int(name[1:].split("_")[0]) for name in params if name.endswith("_conv"))
    first = f"b{max(sides)}_conv"
    kernel = small_cnn.takes_channels(params[first]["kernel"], sources, axis=2)
    return params | {first: params[first] | {"kernel": kernel}}


def generator_with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns a generator's parameters for images of other channels."""
    layer = small_cnn.makes_channels(params["to_image"], sources)
    return params | {"to_image": layer}
