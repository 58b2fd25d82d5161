"""Crops scaled to the side that a network takes: config.model.input_px.

It happens on the device, before any method sees an image, and alike for all of them.
"""

from collections.abc import Callable
from typing import Any

from jax import Array

from gandl_jax.methods.scaled import scaled

WITH_BATCH = ("show", "validate")  # hooks that take (state, batch, ...)
WITH_IMAGES = ("embed", "answer")  # hooks that take (encoder, images)


class ScaledMethod:
    """A method that sees every image scaled; all else is the method's own.

    Args:
      method: as of `methods/contract.py`.
      px: side of the images that it takes.
    """

    def __init__(self, method: Any, px: int):
        self._method, self._px = method, px
        self.phases = tuple(_with_batch(phase, self._px) for phase in method.phases)
        self.checks = tuple(
            _with_batch(check, self._px) for check in getattr(method, "checks", ())
        )

    def __getattr__(self, name: str) -> Any:
        """A hook of the method, where it has it."""
        found = getattr(self._method, name)
        if name in WITH_IMAGES:
            return _scaling_images(found, self._px)
        return _scaling(found, self._px) if name in WITH_BATCH else found


def _with_batch(part: Any, px: int) -> Any:
    """A phase or a check whose function sees scaled images."""
    return part._replace(fn=_scaling(part.fn, px))


def _scaling(fn: Callable, px: int) -> Callable:
    def seen(state, batch, *rest):
        return fn(state, batch | {"images": scaled(batch["images"], px)}, *rest)

    return seen


def _scaling_images(fn: Callable, px: int) -> Callable:
    def seen(encoder: Any, images: Array):
        return fn(encoder, scaled(images, px))

    return seen
