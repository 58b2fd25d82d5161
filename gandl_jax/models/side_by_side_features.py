"""Layers on features of several channels, which lie side by side."""

from collections.abc import Sequence

import numpy as np
from jax import Array

from gandl_jax.models.small_cnn import takes_channels


def takes_rows(kernel: Array, sources: Sequence[int | None], width: int) -> np.ndarray:
    """A dense layer's kernel for features of other channels.

    It is scaled as a convolution's: channels that are all the same excite the layer as
    before, if the sources use all channels alike.

    Args:
      kernel: [C width, K].
      sources: for each new channel one of the C old ones; None is their mean.
      width: of each channel's features.

    Returns:
      [C' width, K].
    """
    kernel = np.asarray(kernel)
    by_channel = kernel.reshape(1, -1, width, kernel.shape[-1]).transpose(0, 2, 1, 3)
    taken = takes_channels(by_channel, sources, axis=2).transpose(0, 2, 1, 3)
    return taken.reshape(-1, kernel.shape[-1])
