"""The spread of a network's projections, which vanishes in a collapse."""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from gandl_jax.methods.collapse import collapsed
from gandl_jax.methods.contract import Batch, Check
from gandl_jax.models.unit_length import unit


def spread(mean: Array) -> Array:
    """Computes the root mean square distance of unit vectors from their mean.

    Args:
      mean: [K] of the vectors.

    Returns:
      Scalar: 0 if all are the same, 1 if their mean is 0.
    """
    return jnp.sqrt(jnp.maximum(1 - jnp.square(mean).sum(), 0.0))


def check(group: str, project: Callable[[Any, Array], Array], options) -> Check:
    """Makes the check of the spread of fixed records' projections.

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
