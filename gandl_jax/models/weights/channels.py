"""The first convolution of a network for images of other channels."""

from collections.abc import Sequence

from gandl_jax.models.small_cnn import takes_channels


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Parameters of a network of `backbones` that takes other channels.

    A grey image, the same in all channels, excites the network as before, if the
    sources use all its channels alike: all None spreads the filters by their mean.

    Args:
      params: of the network.
      sources: for each new channel one of the old ones; None is their mean.

    Returns:
      New parameters; those that do not change are shared.
    """
    stem = params["stem_conv"]
    kernel = takes_channels(stem["kernel"], sources, axis=2)
    return params | {"stem_conv": stem | {"kernel": kernel}}
