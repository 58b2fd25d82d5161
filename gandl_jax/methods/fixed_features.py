"""Features by networks that take no part in any training, to judge images by.

Each gives {ALL: features of all channels, channel number: features of that channel
alone}.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.errors import InputError
from gandl_jax.methods import backbone
from gandl_jax.models.mixing.concatenated import alone
from gandl_jax.models.random_convolutions import RandomConvolutions
from gandl_jax.models.weights import places

ALL = -1  # in place of a channel's number
Features = Callable[[Array], dict[int, Array]]
WIDTHS = (32, 64, 128, 256)  # of random convolutions (ours)
SEED = 0  # of their kernels


def random_convolutions(channels: int, px: int) -> Features:
    """Function of [B, px, px, C] in [-1, 1] to features by random convolutions.

    All channels enter one network together, and each channel alone another one, the
    same for every channel.

    Args:
      channels: C.
      px: side of the images; small ones pass fewer blocks.
    """
    net = RandomConvolutions(WIDTHS[: max(px.bit_length() - 1, 1)])

    def init(count: int) -> dict:
        return net.init(jax.random.key(SEED), jnp.zeros((1, px, px, count)))

    together, single = init(channels), init(1)

    def features(images: Array) -> dict[int, Array]:
        of_all = {ALL: net.apply(together, images)}
        if channels == 1:
            return of_all
        return of_all | _by_channel(net.apply(single, alone(images)), channels)

    return features


def published(name: str, weights: str, channels: int) -> Features:
    """Function of [B, N, N, C] in [-1, 1] to a published network's pooled features.

    Each channel enters alone, grey in all three colours; the features of all channels
    are those of each, side by side.

    Args:
      name: a file of gandl_jax/models/backbones.
      weights: their place, as of config.model.weights.
      channels: C.

    Raises:
      InputError: the weights are not there.
    """
    net = backbone.named(name, "float32")
    params, statistics = backbone.from_file(weights, name, net)

    def features(images: Array) -> dict[int, Array]:
        grey = alone(images).repeat(backbone.COLOURS, -1)
        pooled = backbone.maps(net, params, statistics, grey)["pooled"]
        of_all = {ALL: pooled.reshape(len(images), -1)}
        return of_all if channels == 1 else of_all | _by_channel(pooled, channels)

    return features


def why_missing(weights: str) -> str:
    """Says why weights cannot be read here; "" where they are there."""
    try:
        places.check(weights)
    except InputError as error:
        return str(error)
    return ""


def digest(weights: str) -> str:
    """SHA-256 of a file of weights, in hex."""
    return places.sha256(weights)


def _by_channel(features: Array, channels: int) -> dict[int, Array]:
    """Channel number to [B, D], from [B C, D], channels in order."""
    apart = features.reshape(-1, channels, features.shape[-1])
    return {number: apart[:, number] for number in range(channels)}
