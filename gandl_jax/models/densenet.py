"""DenseNet (Huang et al. 2017, arXiv 1608.06993): each layer sees all former ones."""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gandl_jax.models.conv_norm import (
    Layers,
    NormSettings,
    halve_by_maximum,
    halve_by_mean,
    with_pooled,
)

BOTTLENECK = 4  # channels of a layer's 1 x 1 convolution, times growth (the paper's)


class DenseNet(nn.Module):
    """DenseNet-BC: the paper's networks with bottlenecks and halving transitions.

    Attributes:
      stem: channels of the first convolution.
      growth: channels that a layer adds.
      layers: number of layers in each dense block.
      norm: batch normalisation of the weights' source.
      prepare: preprocessing of the images.
      classes: number of logits; 0 is none.
      axis: of the devices that share batch statistics; None for this one alone.
      dtype: of the computation.
      fixed: stages whose normalisations keep their running statistics in training.
    """

    stem: int
    growth: int
    layers: Sequence[int]
    norm: NormSettings
    prepare: Callable[[Array], Array]
    classes: int = 0
    axis: str | None = None
    dtype: jnp.dtype = jnp.float32
    fixed: Sequence[str] = ()

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> dict[str, Array]:
        """Computes maps of images [B, H, W, C] in [-1, 1].

        Args:
          images: with sides of at least the file's `LEAST_PX`.
          train: whether to use statistics of the batch, not the running ones.

        Returns:
          "stem" and "block1" to "block4": [B, H', W', D], at a 4th to a 32nd of the
          side; "pooled": [B, D] float32, the means of the last; "logits" if asked for.
        """
        make = Layers(self.norm, train, self.axis, self.dtype, fixed=self.fixed)
        x = self.prepare(images).astype(self.dtype)
        stem = make.for_stage("stem").conv_norm(self.stem, 7, "stem", stride=2)
        x = halve_by_maximum(stem(x))
        maps = {"stem": x}
        for block, layers in enumerate(self.layers, 1):
            stage_make = make.for_stage(f"block{block}")
            for layer in range(1, layers + 1):
                dense_layer = DenseLayer(
                    self.growth, stage_make, name=f"block{block}_layer{layer}"
                )
                x = jnp.concatenate([x, dense_layer(x)], -1)
            if block < len(self.layers):
                maps[f"block{block}"] = x
                x = Transition(stage_make, name=f"transition{block}")(x)
        x = nn.relu(stage_make.batch_norm("final_norm")(x))
        maps[f"block{len(self.layers)}"] = x
        return with_pooled(maps, x, self.classes)


class DenseLayer(nn.Module):
    """Normalisation, ReLU, 1 x 1; normalisation, ReLU, 3 x 3.

    Attributes:
      growth: channels of the result.
      make: the network's layers.
    """

    growth: int
    make: Layers

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H, W, growth]."""
        x = nn.relu(self.make.batch_norm("norm1")(x))
        x = self.make.conv(BOTTLENECK * self.growth, 1, "conv1")(x)
        x = nn.relu(self.make.batch_norm("norm2")(x))
        return self.make.conv(self.growth, 3, "conv2")(x)


class Transition(nn.Module):
    """Normalisation, ReLU, 1 x 1 to half the channels, halving by means.

    Attributes:
      make: the network's layers.
    """

    make: Layers

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H / 2, W / 2, C / 2], rounded down."""
        half = x.shape[-1] // 2
        x = nn.relu(self.make.batch_norm("norm")(x))
        return halve_by_mean(self.make.conv(half, 1, "conv")(x))
