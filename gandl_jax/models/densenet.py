"""DenseNet (Huang et al. 2017, arXiv 1608.06993): every layer sees all before it."""

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

BOTTLENECK = 4  # channels of a layer's 1 x 1 convolution, in growths (the paper's)


class DenseNet(nn.Module):
    """The paper's networks with bottlenecks and transitions that halve (DenseNet-BC).

    Attributes:
      stem: channels of the first convolution.
      growth: channels that a layer adds.
      layers: in each dense block.
      norm: batch normalisation of the weights' source.
      prepare: what the images go through first.
      classes: of the logits; 0 is without.
      axis: of the devices whose batch statistics are one; None is this one's alone.
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
        """Maps of images [B, H, W, C] in [-1, 1].

        Args:
          images: at least `LEAST_PX` of its file a side.
          train: statistics of the batch, not the running ones.

        Returns:
          "stem" and "block1" to "block4": [B, H', W', D], at a 4th to a 32nd of the
          side; "pooled": [B, D] float32, the means of the last; "logits" if asked for.
        """
        make = Layers(self.norm, train, self.axis, self.dtype, fixed=self.fixed)
        x = self.prepare(images).astype(self.dtype)
        stem = make.of("stem").conv_norm(self.stem, 7, "stem", stride=2)
        x = halve_by_maximum(stem(x))
        maps = {"stem": x}
        for block, layers in enumerate(self.layers, 1):
            own = make.of(f"block{block}")
            for layer in range(1, layers + 1):
                more = DenseLayer(self.growth, own, name=f"block{block}_layer{layer}")
                x = jnp.concatenate([x, more(x)], -1)
            if block < len(self.layers):
                maps[f"block{block}"] = x
                x = Transition(own, name=f"transition{block}")(x)
        x = nn.relu(own.batch_norm("final_norm")(x))
        maps[f"block{len(self.layers)}"] = x
        return with_pooled(maps, x, self.classes)


class DenseLayer(nn.Module):
    """Normalised, ReLU, 1 x 1; normalised, ReLU, 3 x 3.

    Attributes:
      growth: channels of the result.
      make: the network's layers.
    """

    growth: int
    make: Layers

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, H, W, C] to [B, H, W, growth]."""
        x = nn.relu(self.make.batch_norm("norm1")(x))
        x = self.make.conv(BOTTLENECK * self.growth, 1, "conv1")(x)
        x = nn.relu(self.make.batch_norm("norm2")(x))
        return self.make.conv(self.growth, 3, "conv2")(x)


class Transition(nn.Module):
    """Normalised, ReLU, 1 x 1 to half the channels, halved by means.

    Attributes:
      make: the network's layers.
    """

    make: Layers

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, H, W, C] to [B, H / 2, W / 2, C / 2], downwards."""
        half = x.shape[-1] // 2
        x = nn.relu(self.make.batch_norm("norm")(x))
        return halve_by_mean(self.make.conv(half, 1, "conv")(x))
