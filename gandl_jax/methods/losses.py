"""The losses of a GAN: non-saturating logistic, R1, path length."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array


def generator(fake: Array) -> Array:
    """Non-saturating logistic loss, mean softplus(-D(G(z))) (Goodfellow et al. 2014).

    Args:
      fake: [B] float32 logits of generated images.

    Returns:
      scalar.
    """
    return jax.nn.softplus(-fake).mean()


def discriminator(real: Array, fake: Array) -> Array:
    """Logistic loss, mean of softplus(D(G(z))) + softplus(-D(x)).

    Args:
      real: [B] float32 logits of real images.
      fake: [B] float32 logits of generated images.

    Returns:
      scalar.
    """
    return (jax.nn.softplus(fake) + jax.nn.softplus(-real)).mean()


def r1(discriminate: Callable[[Array], Array], images: Array) -> Array:
    """Squared gradient of D at real images (Mescheder et al. 2018, eq. 9).

    Args:
      discriminate: images to logits [B].
      images: [B, H, W, C].

    Returns:
      [B] sums of squares, without the weight gamma / 2.
    """
    gradient = jax.grad(lambda x: discriminate(x).sum())(images)
    return jnp.square(gradient.astype(jnp.float32)).sum((1, 2, 3))


def path_lengths(generate: Callable[[Array], Array], ws: Array, noise: Array) -> Array:
    """Length of J^T y, how far images move with their styles (StyleGAN2, eq. 4).

    Args:
      generate: styles [B, L, Z] to images [B, H, W, C].
      ws: [B, L, Z].
      noise: [B, H, W, C], standard normal divided by sqrt(H W).

    Returns:
      [B] lengths: the root of the mean over layers of the squared norm.
    """
    gradient = jax.grad(lambda w: (generate(w) * noise).sum())(ws)
    return jnp.sqrt(jnp.square(gradient).sum(-1).mean(-1))
