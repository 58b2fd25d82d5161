"""Exponential moving averages of parameters, whose half-life grows with training."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def decay(
    step: Array, batch: int, *, halflife_images: float, rampup_frac: float
) -> Array:
    """Returns the share of the old average that a step keeps, scalar in [0, 1].

    0.5^(batch / h), h the half-life in images: at most a fraction of the images seen,
    so that an average forgets its random start (ADA, Karras et al. 2020).

    Args:
      step: scalar int32, steps completed before this one.
      batch: images per step, over all devices.
      halflife_images: half-life after the ramp, in images.
      rampup_frac: half-life during the ramp, as a share of the images seen.
    """
    seen = (step + 1) * batch
    return 0.5 ** (batch / jnp.minimum(halflife_images, seen * rampup_frac))


def cosine(step: Array, first: float, last: float, steps: float) -> Array:
    """Returns a share that moves from first to last by half a cosine, then stays.

    BYOL (Grill et al. 2020, app. J) and DINO (Caron et al. 2021, sec. 3.1) raise their
    averages' share in this way; scalar.

    Args:
      step: scalar int32, steps completed before this one.
      first: share at step 0.
      last: share from step `steps` on.
      steps: length of the move; 0 stays at the first.
    """
    if not steps:
        return jnp.asarray(first, jnp.float32)
    share_done = jnp.minimum(step / steps, 1.0)
    return last - (last - first) * (jnp.cos(jnp.pi * share_done) + 1) / 2


def move_towards(average: Any, value: Any, kept: Array) -> Any:
    """Moves the average towards a tree of arrays; `kept` as from `decay`."""
    return jax.tree.map(lambda a, b: b + (a - b) * kept, average, value)
