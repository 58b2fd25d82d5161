"""A softmax and an ArcFace on one embedding, each with its own weights.

Cuccarese et al. 2020 (bioRxiv 2020.08.02.233064) train on RxRx1's siRNAs with both. The
losses are added, and the softmax predicts (both ours: the paper does not say).
"""

from collections.abc import Sequence

import flax.linen as nn
from jax import Array

from gandl_jax.models.heads import arcface, softmax


class Head(nn.Module):
    """Two heads.

    Attributes:
      width: of the embedding.
      classes: K.
      scale: of the ArcFace.
    """

    width: int
    classes: int
    scale: float = 30.0

    def setup(self):
        """Names the submodules."""
        self.softmax = softmax.Head(self.width, self.classes)
        self.arcface = arcface.Head(self.width, self.classes, self.scale)

    def __call__(self, x: Array) -> Array:
        """Maps [B, width] to [B, K]: the softmax's logits."""
        return self.softmax(x)

    def taught(self, x: Array, codes: Array, margin: Array) -> tuple[Array, ...]:
        """Returns the logits of both heads."""
        heads = self.softmax, self.arcface
        return tuple(
            logits for head in heads for logits in head.taught(x, codes, margin)
        )


def with_channels(params: dict, sources: Sequence[int | None], width: int) -> dict:
    """Returns the parameters of both heads for other channels."""
    return {
        name: module.with_channels(params[name], sources, width)
        for name, module in (("softmax", softmax), ("arcface", arcface))
    }
