"""The game that `config.method.loss` names: what each network loses by its scores."""

import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import losses

PAIRED = ("relativistic",)  # games in which G's loss is of real scores too


def d_loss(game: str, real: Array, fake: Array) -> Array:
    """The discriminator's loss by scores [B] of real and of generated images."""
    if game == "logistic":
        return losses.discriminator(real, fake)
    if game == "relativistic":
        return losses.relativistic(real, fake)
    if game == "least_squares":
        return losses.least_squares(real, 1) + losses.least_squares(fake, 0)
    return losses.wasserstein(real, fake)


def g_loss(game: str, fake: Array, real: Array | None) -> Array:
    """The generator's loss; real scores are of `PAIRED` games, else None."""
    if game == "logistic":
        return losses.generator(fake)
    if game == "relativistic":
        return losses.relativistic(fake, real)
    if game == "least_squares":
        return losses.least_squares(fake, 1)
    return losses.wasserstein(fake, jnp.zeros_like(fake))


def real_sign(game: str, real: Array, fake: Array) -> Array:
    """Mean sign of how far real scores are beyond those that say neither.

    That is 0, of least squares 1/2 (midway between its targets); where the game has no
    such score, it is the generated image's.
    """
    neither = {"logistic": 0.0, "least_squares": 0.5}.get(game, fake)
    return jnp.sign(real - neither).mean()
