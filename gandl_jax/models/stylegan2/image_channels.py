"""Networks for images of other channels: changes of the layers next to the image.

Ours. Only the first layer of the discriminator and the last ones of the generator
depend on channels. A new channel replaces one of the networks' channels, or the mean of
all.
"""

import math
from collections.abc import Sequence

import numpy as np

Source = int | None  # index of an old channel; None for the mean of all


def discriminator(params: dict, sources: Sequence[Source]) -> dict:
    """Returns a discriminator that takes other channels.

    Effective weights, after the equalised learning rate, are (old channels / new
    channels) times their source's. So a grey image, equal in all channels, excites the
    first layer as before, if the sources use all channels equally.

    Args:
      params: of `stylegan2.Discriminator`.
      sources: of each new channel.

    Returns:
      New parameters; unchanged ones are shared.
    """
    layer = params["from_image"]
    weight = np.asarray(layer["weight"])
    # Stored weights are scaled by 1 / sqrt(channels) at run time, old and new.
    factor = math.sqrt(weight.shape[2] / len(sources))
    weight = np.float32(factor) * _taken(weight, sources, axis=2)
    return params | {"from_image": layer | {"weight": weight}}


def synthesis(params: dict, sources: Sequence[Source]) -> dict:
    """Returns a synthesis network that draws every new channel like its source.

    Args:
      params: of `stylegan2.Synthesis`.
      sources: of each new channel.

    Returns:
      New parameters; unchanged ones are shared.
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
    new_arrays = [
        mean if source is None else array.take(source, axis) for source in sources
    ]
    return np.stack(new_arrays, axis).astype(np.float32)
