"""A number that moves, in steps of one size, as D's mean sign on real images asks."""

import jax.numpy as jnp
from jax import Array


def follow(
    value: Array,
    signs: Array,
    sign: Array,
    step: Array,
    *,
    target: float,
    every: int,
    move: float,
    lowest: float,
    highest: float,
) -> tuple[Array, Array]:
    """Adds a step's sign; every `every` steps `value` moves by how D did.

    r_t = mean sign(D(x)) over the last steps: 0 if the discriminator guesses, 1 if it
    knows the images; `value` rises if r_t lies above the target, and falls below it
    (Karras et al. 2020, arXiv 2006.06676, sec. 3).

    Args:
      value: scalar, up to the step before.
      signs: scalar, sum of the steps' mean signs since `value` last moved.
      sign: scalar in [-1, 1], mean over the global batch of sign(D(x)), x real.
      step: scalar int32, steps completed before this one.
      target: of r_t.
      every: steps between two moves.
      move: size of a move.
      lowest, highest: ends of the range that `value` stays in.

    Returns:
      (value, signs) after the step.
    """
    signs = signs + sign
    moved = value + move * jnp.sign(signs / every - target)
    due = (step + 1) % every == 0
    return (
        jnp.where(due, jnp.clip(moved, lowest, highest), value),
        jnp.where(due, 0.0, signs),
    )
