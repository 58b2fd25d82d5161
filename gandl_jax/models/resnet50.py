"""ResNet-50 (He et al. 2016, arXiv 1512.03385), with strides as in its source."""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gandl_jax.models.conv_norm import (
    Layers,
    NormSettings,
    halve_by_maximum,
    unchanged,
    with_pooled,
)

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # width, blocks (the paper's table 1)
EXPANSION = 4  # of a block's last convolution


class ResNet50(nn.Module):
    """50 layers of bottleneck blocks.

    Attributes:
      norm: batch normalisation of the weights' source.
      prepare: preprocessing of the images.
      stride_in_3x3: whether a stage halves in the 3 x 3 convolution, as in torchvision
        ("v1.5"), or in the 1 x 1 before it, as in the paper and Keras.
      conv_bias: whether convolutions have biases, as in Keras.
      classes: number of logits; 0 is none.
      axis: of the devices that share batch statistics; None for this one alone.
      dtype: of the computation.
      fixed: stages whose normalisations keep their running statistics in training.
    """

    norm: NormSettings
    prepare: Callable[[Array], Array]
    stride_in_3x3: bool = True
    conv_bias: bool = False
    classes: int = 0
    axis: str | None = None
    dtype: jnp.dtype = jnp.float32
    fixed: Sequence[str] = ()

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> dict[str, Array]:
        """Computes maps of images [B, H, W, C] in [-1, 1].

        Args:
          images: of any side.
          train: whether to use statistics of the batch, not the running ones.

        Returns:
          "stem" and "block1" to "block4": [B, H', W', D], at a 4th to a 32nd of the
          side; "pooled": [B, D] float32, the means of the last; "logits" if asked for.
        """
        make = Layers(
            self.norm, train, self.axis, self.dtype, self.conv_bias, self.fixed
        )
        x = self.prepare(images).astype(self.dtype)
        stem = make.for_stage("stem").conv_norm(64, 7, "stem", stride=2)
        x = halve_by_maximum(stem(x))
        maps = {"stem": x}
        for stage, (width, blocks) in enumerate(STAGES, 1):
            for block in range(1, blocks + 1):
                stride = 2 if block == 1 and stage > 1 else 1
                x = Bottleneck(
                    width,
                    stride,
                    self.stride_in_3x3,
                    make.for_stage(f"block{stage}"),
                    is_first=block == 1,
                    name=f"block{stage}_{block}",
                )(x)
            maps[f"block{stage}"] = x
        return with_pooled(maps, x, self.classes)


class Bottleneck(nn.Module):
    """Three convolutions, 1 x 1, 3 x 3, 1 x 1, with a shortcut.

    Attributes:
      width: channels of the first two.
      stride: 2 halves height and width.
      stride_in_3x3: as of the network.
      make: the network's layers.
      is_first: whether it is the first of its stage, whose input has another width.
    """

    width: int
    stride: int
    stride_in_3x3: bool
    make: Layers
    is_first: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H / stride, W / stride, 4 width]."""
        make, wide = self.make, EXPANSION * self.width
        strides = (1, self.stride) if self.stride_in_3x3 else (self.stride, 1)
        shortcut = x
        if self.is_first:
            project = make.conv_norm(wide, 1, "shortcut", unchanged, stride=self.stride)
            shortcut = project(x)
        x = make.conv_norm(self.width, 1, "first", stride=strides[0])(x)
        x = make.conv_norm(self.width, 3, "second", stride=strides[1])(x)
        x = make.conv_norm(wide, 1, "third", unchanged)(x)
        return nn.relu(shortcut + x)
