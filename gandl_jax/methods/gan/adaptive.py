"""ADA: the less the discriminator errs on real images, the more they are augmented."""

import flax
import jax.numpy as jnp
from jax import Array


@flax.struct.dataclass
class Adaptation:
    """What the adaptive probability needs to remember.

    Attributes:
      prob: scalar in [0, 1], probability of each transform.
      signs: scalar, sum of the steps' mean signs since `prob` last moved.
    """

    prob: Array
    signs: Array


def start() -> Adaptation:
    """No augmentation, as nothing is known of the discriminator yet."""
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
    """One step's answer taken in; every so many, `prob` moves towards the target.

    r_t = mean sign(D(x)) over the last steps: 0 where the discriminator guesses, 1
    where it knows the images; `prob` rises where r_t lies above the target (Karras et
    al. 2020, arXiv 2006.06676, sec. 3).

    Args:
      past: up to the step before.
      sign: scalar in [-1, 1], mean over the global batch of sign(D(x)), x real.
      step: scalar int32, steps completed before this one.
      target: of r_t.
      every: steps between two moves.
      move: by how much.
    """
    signs = past.signs + sign
    moved = jnp.clip(past.prob + move * jnp.sign(signs / every - target), 0, 1)
    due = (step + 1) % every == 0
    return Adaptation(
        prob=jnp.where(due, moved, past.prob), signs=jnp.where(due, 0.0, signs)
    )
