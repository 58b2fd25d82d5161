"""The contrastive loss of two views of each image."""

import jax
import jax.numpy as jnp
from jax import Array


def contrast(
    views: Array, all_views: Array, index: Array, temperature: float
) -> tuple[Array, Array]:
    """Computes NT-Xent, the loss of finding a view's other half among all views.

    SimCLR, Chen et al. 2020 (arXiv 2002.05709), eq. 1.

    Args:
      views: [B, 2, K] two views of each of B images, of unit length.
      all_views: [N, 2, K] the views of all images that they are compared with, `views`
        included.
      index: [B] int32, indices of `views` in `all_views`.
      temperature: cosines are divided by it.

    Returns:
      Scalar loss, and the share of views whose other half is the nearest.
    """
    batch, count = len(views), len(all_views)
    cosines = jnp.einsum("bvk,nwk->bvnw", views, all_views)
    logits = (cosines / temperature).reshape(batch * 2, count * 2)
    self_column = jnp.stack([2 * index, 2 * index + 1], 1).reshape(-1)
    partner_column = jnp.stack([2 * index + 1, 2 * index], 1).reshape(-1)
    rows = jnp.arange(batch * 2)
    logits = logits.at[rows, self_column].set(-jnp.inf)
    log_probabilities = jax.nn.log_softmax(logits)[rows, partner_column]
    return -log_probabilities.mean(), (logits.argmax(-1) == partner_column).mean()
