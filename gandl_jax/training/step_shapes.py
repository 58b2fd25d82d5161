"""Shapes of what a phase takes, and the work of a whole step that they tell."""

from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from gandl_jax import parallel
from gandl_jax.methods.source import Source
from gandl_jax.training import opening


def shapes(
    config, method: Any, source: Source, batch: int
) -> tuple[Any, dict[str, Any], Any]:
    """Shapes of a phase's arguments: state, batch of all devices, and key.

    Args:
      config: of the experiment.
      method: whose phase it is.
      source: of the records, for their channels and labels.
      batch: images of all devices.
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    size, channels = config.data.crop_px, len(source.channels)
    index = jax.ShapeDtypeStruct((batch,), np.int32)
    images = jax.ShapeDtypeStruct((batch, size, size, channels), np.float32)
    parts = {"images": images, "index": index}
    parts["labels"] = dict.fromkeys(source.classes, index)
    return jax.eval_shape(method.init, key), parts, key


def flops_per_step(config, source: Source) -> float | None:
    """Floating-point operations of a step: a phase due every n-th step is an n-th.

    As of `parallel.count_flops`, of a batch in one part: of a loop over parts, one
    turn would be counted.

    Args:
      config: of the experiment.
      source: of the records that it is trained on.

    Returns:
      The number; None where JAX has no CPU beside the devices, which counts.
    """
    whole = config.copy_and_resolve_references()
    whole.train.accumulate = 1
    method = opening.make_method(whole, source)
    arguments = shapes(whole, method, source, config.train.batch)
    counts = (parallel.count_flops(phase.fn, *arguments) for phase in method.phases)
    return per_step(method, counts)


def per_step(method: Any, counts: Iterable[float | None]) -> float | None:
    """Of a step, by those of each of its phases; None where one is not known."""
    found = list(zip(method.phases, counts, strict=True))
    if any(flops is None for _, flops in found):
        return None
    return sum(flops / phase.every for phase, flops in found)
