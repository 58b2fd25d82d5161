"""The small network of a study of sixteen ways to learn, with fixed sizes."""

from collections.abc import Sequence

from jax import numpy as jnp

from gandl_jax.models import morphology_cnn

IN_RANGE = True
with_channels = morphology_cnn.with_channels


def network(
    *, channels: int, side: int, widths: Sequence[int], code: int, dtype: jnp.dtype
) -> morphology_cnn.Autoencoder:
    """Makes the network; widths are the paper's, and 64 px give a code of 2,048."""
    del side, widths, code
    return morphology_cnn.Autoencoder(channels, dtype)
