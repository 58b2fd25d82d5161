"""An encoder that sees images of other channels than it was trained on.

For encoders of another workdir, with config.embed.checkpoint_channels. Mixing the
images gives the same first convolution as mixing its filters (docs/weights.md,
Channels), as both are linear in the channels.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array


def mixture(sources: Sequence[int | None], count: int) -> np.ndarray:
    """Returns the matrix from the screen's channels to the encoder's.

    Args:
      sources: for each channel of the screen, the index of the encoder's channel that
        it replaces; None spreads it over all.
      count: channels of the encoder.

    Returns:
      [channels of the screen, count] float32. An image that is equal in all channels
      is unchanged if the sources use all channels equally; a channel that nothing
      replaces is 0, a middle grey.
    """
    unit_rows, mean = np.eye(count), np.full(count, 1 / count)
    rows = [mean if source is None else unit_rows[source] for source in sources]
    return np.float32(np.stack(rows) * count / len(sources))


class OtherChannelsMethod:
    """A method that embeds images of other channels; all else is unchanged.

    Args:
      method: as in `methods/contract.py`.
      sources: as in `mixture`.
      count: channels that the method's encoder takes.
    """

    def __init__(self, method: Any, sources: Sequence[int | None], count: int):
        self._method, self._mixture = method, mixture(sources, count)

    def embed(self, encoder: Any, images: Array) -> dict[str, Array]:
        """Returns the method's feature sets of [B, H, W, channels of the screen]."""
        return self._method.embed(encoder, jnp.dot(images, self._mixture))

    def __getattr__(self, name: str) -> Any:
        """Returns a hook of the method, if it has it."""
        return getattr(self._method, name)
