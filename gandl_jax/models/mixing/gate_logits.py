"""Logits of gates, by which some layers weigh the channels of each image."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gandl_jax.models.small_cnn import makes_channels, takes_channels

HIDDEN = 4  # hidden units (ours): screens have few channels


class Logits(nn.Module):
    """A convolution to few units, a ReLU, and a logit for each channel.

    Attributes:
      side: of the convolution, in pixels.
    """

    side: int = 1

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Maps [B, H, W, C] float32 to logits of the same shape: zeros at first."""
        zeros, settings = nn.initializers.zeros, {"dtype": jnp.float32}
        size = (self.side, self.side)
        units = nn.relu(nn.Conv(HIDDEN, size, name="takes", **settings)(images))
        makes = nn.Conv(
            images.shape[-1], (1, 1), kernel_init=zeros, name="makes", **settings
        )
        return makes(units)


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns parameters for other channels, as in `small_cnn.takes_channels`."""
    kernel = takes_channels(params["takes"]["kernel"], sources, axis=2)
    return {
        "takes": params["takes"] | {"kernel": kernel},
        "makes": makes_channels(params["makes"], sources),
    }
