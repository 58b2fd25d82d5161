"""EfficientNet-Lite0 (Tan & Le 2019, arXiv 1905.11946, in its authors' Lite form).

Inverted residuals without squeeze-and-excitation, with ReLU6. Convolutions that halve
are padded as in TensorFlow, more at the far edge. The authors' dropout and stochastic
depth are left out.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gandl_jax.models import depthwise
from gandl_jax.models.conv_norm import Layers, NormSettings, unchanged, with_pooled


class Stage(NamedTuple):
    """A stage of equal blocks.

    Attributes:
      blocks: number of blocks.
      side: of the depthwise convolution.
      stride: of the first block.
      expansion: factor for the number of input channels.
      width: channels of the result.
    """

    blocks: int
    side: int
    stride: int
    expansion: int
    width: int


STEM, HEAD = 32, 1280  # channels
STAGES = (  # the paper's table 1
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class EfficientNetLite0(nn.Module):
    """The smallest of the family.

    Attributes:
      norm: batch normalisation of the weights' source.
      prepare: preprocessing of the images.
      classes: number of logits; 0 is none.
      axis: of the devices that share batch statistics; None for this one alone.
      dtype: of the computation.
      fixed: stages whose normalisations keep their running statistics in training.
    """

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
          images: of any side.
          train: whether to use statistics of the batch, not the running ones.

        Returns:
          "stem", "block1" to "block7" and "head": [B, H', W', D], at half to a 32nd of
          the side; "pooled": [B, 1280] float32, the means of the last; "logits" if
          asked for.
        """
        make = Layers(self.norm, train, self.axis, self.dtype, fixed=self.fixed)
        x = self.prepare(images).astype(self.dtype)
        x = make.for_stage("stem").conv_norm(
            STEM, 3, "stem", nn.relu6, stride=2, padding="SAME"
        )(x)
        maps = {"stem": x}
        for number, stage in enumerate(STAGES, 1):
            stage_make = make.for_stage(f"block{number}")
            for block in range(1, stage.blocks + 1):
                stride = stage.stride if block == 1 else 1
                settings = stage._replace(stride=stride)
                x = InvertedResidual(
                    settings, stage_make, name=f"block{number}_{block}"
                )(x)
            maps[f"block{number}"] = x
        x = maps["head"] = make.for_stage("head").conv_norm(HEAD, 1, "head", nn.relu6)(
            x
        )
        return with_pooled(maps, x, self.classes)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and projection, with a shortcut if shapes agree.

    Attributes:
      stage: of the block, with the block's own stride.
      make: the network's layers.
    """

    stage: Stage
    make: Layers

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H / stride, W / stride, width], rounded up."""
        make, stage, shortcut = self.make, self.stage, x
        if stage.expansion > 1:
            expanded = stage.expansion * x.shape[-1]
            x = make.conv_norm(expanded, 1, "expand", nn.relu6)(x)
        x = make.conv_norm(
            x.shape[-1],
            stage.side,
            "depthwise",
            nn.relu6,
            stride=stage.stride,
            padding="SAME",
            feature_group_count=x.shape[-1],
            conv_general_dilated=depthwise.convolve,
        )(x)
        x = make.conv_norm(stage.width, 1, "project", unchanged)(x)
        return shortcut + x if x.shape == shortcut.shape else x
