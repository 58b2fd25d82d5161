"""Balance of D and G: D is held back more as it errs less on real images (ours).

Held back twice as strongly means R1 and R2 of twice their weight, or half of D's
learning rate, whichever `config.method.balance` names.
"""

import math

import flax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods.gan import controller


@flax.struct.dataclass
class Balance:
    """State of the balance.

    Attributes:
      log2: scalar, base-2 logarithm of how strongly D is held back.
      signs: scalar, sum of the steps' mean signs since `log2` last moved.
    """

    log2: Array
    signs: Array

    @property
    def strength(self) -> Array:
        """Scalar > 0: 1 is as the config has it, 2 twice as strongly held back."""
        return jnp.exp2(self.log2)


def start() -> Balance:
    """Starts with what the config says."""
    return Balance(log2=jnp.zeros(()), signs=jnp.zeros(()))


def follow(past: Balance, sign: Array, step: Array, options, batch: int) -> Balance:
    """Adds a step's sign; every few steps D is held back more, or less.

    More if its mean sign on real images lies above `balance_target`, less below it.

    Args:
      past: state up to the step before.
      sign: scalar in [-1, 1], the step's mean sign of D on real images.
      step: scalar int32, steps completed before this one.
      options: `config.method`.
      batch: images per step, over all devices.
    """
    every, most = options.balance_every_steps, math.log2(options.balance_most)
    log2, signs = controller.follow(
        past.log2,
        past.signs,
        sign,
        step,
        target=options.balance_target,
        every=every,
        move=batch * every / options.balance_speed_images,
        lowest=-most,
        highest=most,
    )
    return Balance(log2=log2, signs=signs)
