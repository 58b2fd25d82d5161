"""The hinge game of several discriminators (Lim & Ye 2017, arXiv 1705.02894).

Each gives a map of logits. Losses are means over images and places, summed over the
discriminators (Sauer et al. 2021).
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array


def d_loss(real: Mapping[str, Array], fake: Mapping[str, Array]) -> Array:
    """Sums mean(max(0, 1 - D(x))) + mean(max(0, 1 + D(G(z)))) over discriminators.

    Args:
      real: {discriminator: [B, s, s] float32}, logits of real images.
      fake: the same of generated images.

    Returns:
      scalar.
    """
    losses = [
        jax.nn.relu(1 - real[name]).mean() + jax.nn.relu(1 + fake[name]).mean()
        for name in real
    ]
    return jnp.stack(losses).sum()


def g_loss(fake: Mapping[str, Array]) -> Array:
    """Sums -mean(D(G(z))) over discriminators; scalar."""
    return -scores(fake).mean()


def scores(logits: Mapping[str, Array]) -> Array:
    """Sums the means of maps over discriminators, [B]: above 0 is real."""
    return jnp.stack([x.mean((1, 2)) for x in logits.values()]).sum(0)
