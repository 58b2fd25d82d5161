"""Each channel multiplied by a gate that the whole image decides on.

Squeeze-and-excitation (Hu et al. 2018, sec. 3): the mean of every channel, a layer of
few units, a sigmoid for each channel. Here it stands before the network, and all gates
begin as 1/2 (ours). Another image has other gates, so that the layer has no importance
of its own.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
from jax import Array

from gandl_jax.models.mixing import gate_logits

COLOURS = 0
APART = False


class Mixing(nn.Module):
    """The channels, weighted anew for every image."""

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """[B, H, W, C] float32 in [-1, 1] to the same."""
        squeezed = images.mean((1, 2), keepdims=True)
        return images * jax.nn.sigmoid(gate_logits.Logits(name="gates")(squeezed))


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """The gates of other channels."""
    return {"gates": gate_logits.with_channels(params["gates"], sources)}
