"""Exponential moving averages of parameters, whose half-life grows with training."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def decay(
    step: Array, batch: int, *, halflife_images: float, rampup_frac: float
) -> Array:
    """The share of the old average that is kept after a step, scalar in [0, 1].

    0.5^(batch / h), h the half-life in images: at most a fraction of the images seen,
    so that an average forgets its random start (ADA, Karras et al. 2020).

    Args:
      step: scalar int32, steps completed before this one.
      batch: images per step, over all devices.
      halflife_images: after the ramp.
      rampup_frac: of the images seen.
    """
    seen = (step + 1) * batch
    return 0.5 ** (batch / jnp.minimum(halflife_images, seen * rampup_frac))


def cosine(step: Array, first: float, last: float, steps: float) -> Array:
    """A share that goes from the first to the last by half a cosine, then stays there.

    BYOL (Grill et al. 2020, app. J) and DINO (Caron et al. 2021, sec. 3.1) raise their
    averages' share so; scalar.

    Args:
      step: scalar int32, steps completed before this one.
      first: at step 0.
      last: from `steps` on.
      steps: that it takes; 0 is the first for ever.
    """
    if not steps:
        return jnp.asarray(first, jnp.float32)
    way = jnp.minimum(step / steps, 1.0)
    return last - (last - first) * (jnp.cos(jnp.pi * way) + 1) / 2


def towards(average: Any, value: Any, kept: Array) -> Any:
    """The average moved towards a tree of arrays; `kept` as from `decay`."""
    return jax.tree.map(lambda a, b: b + (a - b) * kept, average, value)
