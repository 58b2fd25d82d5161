"""The small network: blocks of two convolutions, a code, and the same backwards."""

from collections.abc import Sequence

from gandl_jax.models import small_cnn


def network(**sizes) -> small_cnn.Autoencoder:
    """The network; sizes are channels, side, widths, code and dtype."""
    return small_cnn.Autoencoder(**sizes)


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Parameters whose first layer takes, and whose last one makes, other channels."""
    params = small_cnn.with_channels(params, sources)
    decoder = params["decoder"]
    last = small_cnn.makes_channels(decoder["to_image"], sources)
    return params | {"decoder": decoder | {"to_image": last}}
