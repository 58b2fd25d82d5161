"""Shapes of a phase's arguments, and the floating-point operations of a step."""

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
    """Returns the shapes of a phase's arguments: state, batch of all devices, key.

    Args:
      config: of the experiment.
      method: that the phase belongs to.
      source: of the records, for their channels and labels.
      batch: number of images of all devices.
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    size, channels = config.data.crop_px, len(source.channels)
    index = jax.ShapeDtypeStruct((batch,), np.int32)
    images = jax.ShapeDtypeStruct((batch, size, size, channels), np.float32)
    arrays = {"images": images, "index": index}
    arrays["labels"] = dict.fromkeys(source.classes, index)
    return jax.eval_shape(method.init, key), arrays, key


def flops_per_step(config, source: Source) -> float | None:
    """Counts the floating-point operations of a step.

    A phase that is due every n-th step counts an n-th. Batches are not accumulated, as
    only one turn of such a loop would be counted.

    Args:
      config: of the experiment.
      source: of the records that it is trained on.

    Returns:
      The number; None if JAX has no CPU beside the devices to count on.
    """
    whole = config.copy_and_resolve_references()
    whole.train.accumulate = 1
    method = opening.make_method(whole, source)
    arguments = shapes(whole, method, source, config.train.batch)
    counts = (parallel.count_flops(phase.fn, *arguments) for phase in method.phases)
    return per_step(method, counts)


def per_step(method: Any, counts: Iterable[float | None]) -> float | None:
    """Adds up the operations of a step's phases; None if one is not known."""
    phase_counts = list(zip(method.phases, counts, strict=True))
    if any(flops is None for _, flops in phase_counts):
        return None
    return sum(flops / phase.every for phase, flops in phase_counts)
