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
    return losses.wasserstein(real, fake)


def g_loss(game: str, fake: Array, real: Array | None) -> Array:
    """The generator's loss; real scores are of `PAIRED` games, else None."""
    if game == "logistic":
        return losses.generator(fake)
    if game == "relativistic":
        return losses.relativistic(fake, real)
    return losses.wasserstein(fake, jnp.zeros_like(fake))


def real_sign(game: str, real: Array, fake: Array) -> Array:
    """Mean sign of D(x); of D(x) - D(G(z)) where the game has no zero of its own."""
    margin = real if game == "logistic" else real - fake
    return jnp.sign(margin).mean()
