"""Networks for images of other channels: the layers that face the image are changed.

Ours. The first layer of the discriminator and the last ones of the generator are all
that knows of channels. A new channel takes the place of one that the networks know, or
of the mean of all.
"""

import math
from collections.abc import Sequence

import numpy as np

Source = int | None  # a channel that the networks know; None is the mean of all


def discriminator(params: dict, sources: Sequence[Source]) -> dict:
    """A discriminator that takes other channels.

    Effective weights, those that the equalised learning rate leaves at run time, are
    (old channels / new channels) times their source's. So a grey image, the same in all
    channels, excites the first layer as before, if the sources use all channels alike.

    Args:
      params: of `stylegan2.Discriminator`.
      sources: for each new channel.

    Returns:
      New parameters; those that do not change are shared.
    """
    layer = params["from_image"]
    weight = np.asarray(layer["weight"])
    # Stored weights count 1 / sqrt(channels) at run time, old and new.
    factor = math.sqrt(weight.shape[2] / len(sources))
    weight = np.float32(factor) * _taken(weight, sources, axis=2)
    return params | {"from_image": layer | {"weight": weight}}


def synthesis(params: dict, sources: Sequence[Source]) -> dict:
    """A synthesis network whose every new channel is drawn as its source was.

    Args:
      params: of `stylegan2.Synthesis`.
      sources: for each new channel.

    Returns:
      New parameters; those that do not change are shared.
    """
    changed = {
        name: layer
        | {
            "weight": _taken(np.asarray(layer["weight"]), sources, axis=3),
            "bias": _taken(np.asarray(layer["bias"]), sources, axis=0),
        }
        for name, layer in params.items()
        if name.endswith("_image")
    }
    return params | changed


def _taken(array: np.ndarray, sources: Sequence[Source], axis: int) -> np.ndarray:
    mean = array.mean(axis)
    taken = [mean if s is None else array.take(s, axis) for s in sources]
    return np.stack(taken, axis).astype(np.float32)
