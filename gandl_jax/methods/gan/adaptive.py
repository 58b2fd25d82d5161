"""ADA: augmentation grows as the discriminator errs less on real images."""

import flax
import jax.numpy as jnp
from jax import Array


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

    r_t = mean sign(D(x)) over the last steps: 0 if the discriminator guesses, 1 if it
    knows the images; `prob` rises if r_t lies above the target (Karras et al. 2020,
    arXiv 2006.06676, sec. 3).

    Args:
      past: state up to the step before.
      sign: scalar in [-1, 1], mean over the global batch of sign(D(x)), x real.
      step: scalar int32, steps completed before this one.
      target: of r_t.
      every: steps between two moves.
      move: size of a move of `prob`.
    """
    signs = past.signs + sign
    moved = jnp.clip(past.prob + move * jnp.sign(signs / every - target), 0, 1)
    due = (step + 1) % every == 0
    return Adaptation(
        prob=jnp.where(due, moved, past.prob), signs=jnp.where(due, 0.0, signs)
    )
