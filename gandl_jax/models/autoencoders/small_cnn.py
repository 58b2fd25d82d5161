"""The small network: blocks of two convolutions, a code, and blocks in reverse."""

from collections.abc import Sequence

from gandl_jax.models import small_cnn


def network(**sizes) -> small_cnn.Autoencoder:
    """Makes the network; sizes are channels, side, widths, code and dtype."""
    return small_cnn.Autoencoder(**sizes)


def with_channels(params: dict, sources: Sequence[int | None]) -> dict:
    """Returns parameters whose first and last layers fit other channels."""
    params = small_cnn.with_channels(params, sources)
    decoder = params["decoder"]
    last = small_cnn.makes_channels(decoder["to_image"], sources)
    return params | {"decoder": decoder | {"to_image": last}}
