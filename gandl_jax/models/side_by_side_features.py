"""Layers on joined features of several channels."""

from collections.abc import Sequence

import numpy as np
from jax import Array

from gandl_jax.models.small_cnn import takes_channels


def takes_rows(kernel: Array, sources: Sequence[int | None], width: int) -> np.ndarray:
    """Returns a dense layer's kernel for features of other channels.

    It is scaled like a convolution's: channels that are all equal excite the layer as
    before, if the sources use all channels equally.

    Args:
      kernel: [C width, K].
      sources: the old channel for each new one; None for the mean of all C.
      width: of each channel's features.

    Returns:
      [C' width, K].
    """
    kernel = np.asarray(kernel)
    by_channel = kernel.reshape(1, -1, width, kernel.shape[-1]).transpose(0, 2, 1, 3)
    new_kernel = takes_channels(by_channel, sources, axis=2).transpose(0, 2, 1, 3)
    return new_kernel.reshape(-1, kernel.shape[-1])
