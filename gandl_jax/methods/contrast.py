"""The contrast loss of two views of each image."""

import jax
import jax.numpy as jnp
from jax import Array


def contrast(
    views: Array, everyone: Array, place: Array, temperature: float
) -> tuple[Array, Array]:
    """How hard it is to find a view's other half among all views: NT-Xent.

    SimCLR, Chen et al. 2020 (arXiv 2002.05709), eq. 1.

    Args:
      views: [B, 2, K] two views of each of B images, of unit length.
      everyone: [N, 2, K] the views of all images that they are told from, these among
        them.
      place: [B] int32, where in `everyone` these are.
      temperature: cosines are divided by it.

    Returns:
      scalar loss, and the share of views whose other half is the nearest.
    """
    batch, count = len(views), len(everyone)
    cosines = jnp.einsum("bvk,nwk->bvnw", views, everyone)
    logits = (cosines / temperature).reshape(batch * 2, count * 2)
    itself = jnp.stack([2 * place, 2 * place + 1], 1).reshape(-1)
    other = jnp.stack([2 * place + 1, 2 * place], 1).reshape(-1)
    rows = jnp.arange(batch * 2)
    logits = logits.at[rows, itself].set(-jnp.inf)
    chances = jax.nn.log_softmax(logits)[rows, other]
    return -chances.mean(), (logits.argmax(-1) == other).mean()
