"""How far apart a network puts images: nothing is learnt where it puts all at one."""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from gandl_jax.methods.collapse import collapsed
from gandl_jax.methods.contract import Batch, Check
from gandl_jax.models.unit_length import unit


def spread(mean: Array) -> Array:
    """Root mean square distance of vectors of length 1 from their mean.

    Args:
      mean: [K] of the vectors.

    Returns:
      scalar: 0 where all are the same, 1 where they point everywhere.
    """
    return jnp.sqrt(jnp.maximum(1 - jnp.square(mean).sum(), 0.0))


def check(group: str, project: Callable[[Any, Array], Array], options) -> Check:
    """The check of the spread of projections of fixed records.

    Args:
      group: of the metric.
      project: (state, images [N, H, W, C]) to [N, K].
      options: `config.method`, with `self_distilled_options.OPTIONS`.
    """
    metric = f"{group}/fixed_spread"

    def look(state: Any, batch: Batch, key: Array) -> dict[str, Array]:
        del key
        projected = unit(project(state, batch["images"]))
        return {metric: spread(projected.mean(0))}

    words = "the network puts all images at one place"
    return Check(
        name="spread",
        every_images=options.spread_every_images,
        fn=look,
        trouble=functools.partial(
            collapsed, metric=metric, least=options.least_spread, words=words
        ),
    )
