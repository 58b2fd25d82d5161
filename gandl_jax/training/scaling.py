"""Crops scaled to the side that a network takes: config.model.input_px.

They are scaled on the device before a method sees them, alike for all methods.
"""

from collections.abc import Callable
from typing import Any

from jax import Array

from gandl_jax.methods.scaled import scaled

WITH_BATCH = ("show", "validate")  # hooks that take (state, batch, ...)
WITH_IMAGES = ("embed", "answer")  # hooks that take (encoder, images)


class ScaledMethod:
    """A method that sees every image scaled; all else is unchanged.

    Args:
      method: as in `methods/contract.py`.
      px: side of the images that it takes.
    """

    def __init__(self, method: Any, px: int):
        self._method, self._px = method, px
        self.phases = tuple(_with_batch(phase, self._px) for phase in method.phases)
        self.checks = tuple(
            _with_batch(check, self._px) for check in getattr(method, "checks", ())
        )

    def __getattr__(self, name: str) -> Any:
        """Returns a hook of the method, if it has it, on scaled images."""
        hook = getattr(self._method, name)
        if name in WITH_IMAGES:
            return _scaling_images(hook, self._px)
        return _scaling(hook, self._px) if name in WITH_BATCH else hook


def _with_batch(entry: Any, px: int) -> Any:
    """Returns a phase or check whose function sees scaled images."""
    return entry._replace(fn=_scaling(entry.fn, px))


def _scaling(fn: Callable, px: int) -> Callable:
    def seen(state, batch, *rest):
        return fn(state, batch | {"images": scaled(batch["images"], px)}, *rest)

    return seen


def _scaling_images(fn: Callable, px: int) -> Callable:
    def seen(encoder: Any, images: Array):
        return fn(encoder, scaled(images, px))

    return seen
