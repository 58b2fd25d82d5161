"""Losses of the game; penalties on gradients and path lengths."""

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


def relativistic(above: Array, below: Array) -> Array:
    """Relativistic pairing loss, mean softplus(below - above).

    The discriminator's with real above and generated below, the generator's the other
    way round (Jolicoeur-Martineau 2018; R3GAN, Huang et al. 2024, arXiv 2501.05441).

    Args:
      above: [B] float32 logits that should be the higher ones.
      below: [B] float32 logits of as many others, paired in order.

    Returns:
      scalar.
    """
    return jax.nn.softplus(below - above).mean()


def least_squares(scores: Array, target: float) -> Array:
    """Least-squares loss, mean (D - target)^2 / 2 (LSGAN, Mao et al. 2017, eq. 9).

    Args:
      scores: [B] float32.
      target: 1 for scores that should be those of real images, else 0.

    Returns:
      scalar.
    """
    return jnp.square(scores - target).mean() / 2


def wasserstein(above: Array, below: Array) -> Array:
    """Wasserstein loss, mean of below - above (Arjovsky et al. 2017, arXiv 1701.07875).

    Args:
      above: [B] float32 scores that should be the higher ones; for a discriminator
        those of real images.
      below: [B] float32 scores of as many others.

    Returns:
      scalar.
    """
    return (below - above).mean()


def r1(discriminate: Callable[[Array], Array], images: Array) -> Array:
    """Squared gradient of D at real images (Mescheder et al. 2018, eq. 9).

    At generated images it is R2 (their eq. 10).

    Args:
      discriminate: images to logits [B].
      images: [B, H, W, C].

    Returns:
      [B] sums of squares, without the weight gamma / 2.
    """
    gradient = jax.grad(lambda image_batch: discriminate(image_batch).sum())(images)
    return jnp.square(gradient.astype(jnp.float32)).sum((1, 2, 3))


def gradient_norms(discriminate: Callable[[Array], Array], images: Array) -> Array:
    """Gradient norms of D at images, for WGAN-GP (Gulrajani et al. 2017, eq. 3).

    Args:
      discriminate: images to scores [B], each of one image alone.
      images: [B, H, W, C].

    Returns:
      [B] norms.
    """
    # The slope of a norm is NaN at a gradient of zero (ours).
    return jnp.sqrt(r1(discriminate, images) + 1e-12)


def path_lengths(generate: Callable[[Array], Array], ws: Array, noise: Array) -> Array:
    """Lengths of J^T y, of how far images move with their styles (StyleGAN2, eq. 4).

    Args:
      generate: styles [B, L, Z] to images [B, H, W, C].
      ws: [B, L, Z].
      noise: [B, H, W, C], standard normal divided by sqrt(H W).

    Returns:
      [B] lengths: the root of the mean over layers of the squared norm.
    """
    gradient = jax.grad(lambda styles: (generate(styles) * noise).sum())(ws)
    return jnp.sqrt(jnp.square(gradient).sum(-1).mean(-1))
