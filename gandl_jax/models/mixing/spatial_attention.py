"""Channels multiplied by gates of every pixel: attention over the channels.

A 3 x 3 convolution to few units, a ReLU, and a softmax over the channels, times their
number: all gates begin as 1, and their mean at a pixel stays 1 (ours; a rival of layers
with fixed weights). Gates differ between images, so that the layer has no importances.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
from jax import Array

from gandl_jax.models.mixing import gate_logits

COLOURS = 0
APART = False
SIDE_PX = 3  # of the neighbourhood that a pixel's gates depend on


class Mixing(nn.Module):
    """The channels, weighted by gates of every pixel."""

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Maps [B, H, W, C] float32 to the same shape: at most C times as large."""
        logits = gate_logits.Logits(SIDE_PX, name="gates")(images)
        return images * jax.nn.softmax(logits) * images.shape[-1]


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns the gates of other channels."""
    return {"gates": gate_logits.with_channels(params["gates"], sources)}
