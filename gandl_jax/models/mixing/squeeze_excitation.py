"""Channels multiplied by gates of the whole image.

Squeeze-and-excitation (Hu et al. 2018, sec. 3): the mean of every channel, a layer of
few units, a sigmoid for each channel. Here it comes before the network, and all gates
begin as 1/2 (ours). Gates differ between images, so that the layer has no importances.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
from jax import Array

from gandl_jax.models.mixing import gate_logits

COLOURS = 0
APART = False


class Mixing(nn.Module):
    """The channels, weighted by gates of every image."""

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Maps [B, H, W, C] float32 in [-1, 1] to the same shape and range."""
        squeezed = images.mean((1, 2), keepdims=True)
        return images * jax.nn.sigmoid(gate_logits.Logits(name="gates")(squeezed))


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns the gates of other channels."""
    return {"gates": gate_logits.with_channels(params["gates"], sources)}
