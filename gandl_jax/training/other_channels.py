"""An encoder that sees images of other channels than it was trained on.

Of another experiment's workdir: config.embed.checkpoint_channels. What a first
convolution makes of it is what that convolution gives whose filters were taken from the
named channels (docs/weights.md, Channels): both are linear in the channels.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array


def mixture(sources: Sequence[int | None], count: int) -> np.ndarray:
    """What each channel of the encoder sees of each of the screen.

    Args:
      sources: for each channel of the screen, that of the encoder whose place it
        takes; None spreads it over all.
      count: channels of the encoder.

    Returns:
      [channels of the screen, count] float32. A grey image, the same in all channels,
      stays itself where the sources use all channels alike; what nobody takes the
      place of is 0, a middle grey.
    """
    each, mean = np.eye(count), np.full(count, 1 / count)
    taken = [mean if source is None else each[source] for source in sources]
    return np.float32(np.stack(taken) * count / len(sources))


class OtherChannelsMethod:
    """A method that embeds images of other channels; all else is the method's own.

    Args:
      method: as of `methods/contract.py`.
      sources: as of `mixture`.
      count: channels that the method's encoder takes.
    """

    def __init__(self, method: Any, sources: Sequence[int | None], count: int):
        self._method, self._mixture = method, mixture(sources, count)

    def embed(self, encoder: Any, images: Array) -> dict[str, Array]:
        """The method's feature sets of [B, H, W, channels of the screen]."""
        return self._method.embed(encoder, jnp.dot(images, self._mixture))

    def __getattr__(self, name: str) -> Any:
        """A hook of the method, where it has it."""
        return getattr(self._method, name)
