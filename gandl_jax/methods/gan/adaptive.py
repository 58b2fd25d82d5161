"""ADA: augmentation grows as the discriminator errs less on real images."""

import flax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods.gan import controller


@flax.struct.dataclass
class Adaptation:
    """State of the adaptive probability.

    Attributes:
      prob: scalar in [0, 1], probability of each transform.
      signs: scalar, sum of the steps' mean signs since `prob` last moved.
    """

    prob: Array
    signs: Array


def start() -> Adaptation:
    """Starts without augmentation, as nothing is known of the discriminator yet."""
    return Adaptation(prob=jnp.zeros(()), signs=jnp.zeros(()))


def follow(
    past: Adaptation,
    sign: Array,
    step: Array,
    *,
    target: float,
    every: int,
    move: float,
) -> Adaptation:
    """Adds a step's sign; every `every` steps `prob` moves towards the target.

    It rises if D's mean sign on real images lies above the target (ADA, sec. 3).

    Args:
      past: state up to the step before.
      sign, step, target, every: as of `controller.follow`.
      move: size of a move of `prob`.
    """
    prob, signs = controller.follow(
        past.prob,
        past.signs,
        sign,
        step,
        target=target,
        every=every,
        move=move,
        lowest=0.0,
        highest=1.0,
    )
    return Adaptation(prob=prob, signs=signs)
