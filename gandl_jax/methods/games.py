"""The game that `config.method.loss` names: losses of both networks by scores."""

import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import losses

PAIRED = ("relativistic",)  # games in which G's loss depends on real scores too


def d_loss(game: str, real: Array, fake: Array) -> Array:
    """Computes the discriminator's loss from scores [B] of real and fake images."""
    if game == "logistic":
        return losses.discriminator(real, fake)
    if game == "relativistic":
        return losses.relativistic(real, fake)
    if game == "least_squares":
        return losses.least_squares(real, 1) + losses.least_squares(fake, 0)
    return losses.wasserstein(real, fake)


def g_loss(game: str, fake: Array, real: Array | None) -> Array:
    """Computes the generator's loss; real scores are None except in `PAIRED` games."""
    if game == "logistic":
        return losses.generator(fake)
    if game == "relativistic":
        return losses.relativistic(fake, real)
    if game == "least_squares":
        return losses.least_squares(fake, 1)
    return losses.wasserstein(fake, jnp.zeros_like(fake))


def real_sign(game: str, real: Array, fake: Array) -> Array:
    """Returns the mean sign of real scores relative to the undecided score.

    The undecided score is 0, for least squares 1/2 (midway between its targets); for
    games without one, the generated image's score is used.
    """
    undecided = {"logistic": 0.0, "least_squares": 0.5}.get(game, fake)
    return jnp.sign(real - undecided).mean()
