"""The first convolution of a network for images of other channels."""

from collections.abc import Sequence

from gandl_jax.models.small_cnn import takes_channels


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns a backbone's parameters for images of other channels.

    A grey image, equal in all channels, excites the network as before, if the sources
    use all its channels equally; None for all gives each channel the mean filter.

    Args:
      params: of the network.
      sources: the old channel for each new one; None for the mean of all.

    Returns:
      New parameters; unchanged ones are shared.
    """
    stem = params["stem_conv"]
    kernel = takes_channels(stem["kernel"], sources, axis=2)
    return params | {"stem_conv": stem | {"kernel": kernel}}
