"""The check that the generator has not collapsed to a few images."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from gandl_jax.methods.collapse import collapsed
from gandl_jax.methods.contract import Batch, Check, Unsound

METRIC = "g/diversity"
COARSE_PX = 16  # side to which images are averaged before they are compared


def check(draw: Callable[[Any, Array], Array], options) -> Check:
    """Makes the check of the generator's samples.

    Args:
      draw: (state, key) to [N, H, W, C] samples, the same ones for the same key.
      options: `config.method`.
    """

    def look(state: Any, batch: Batch, key: Array) -> dict[str, Array]:
        return {METRIC: diversity(draw(state, key), batch["images"])}

    return Check(
        name="diversity",
        every_images=options.diversity_every_images,
        fn=look,
        trouble=functools.partial(collapse, least=options.least_diversity),
        former=former,
    )


def diversity(generated: Array, real: Array) -> Array:
    """Compares distances among generated images with those among real ones.

    The distance of an image to the nearest other one is the root mean square over
    pixels and channels of images averaged to 16 x 16. Its median vanishes if a
    generator repeats one image, or a few, whatever noise it adds (ours).

    Args:
      generated: [N, H, W, C] in [-1, 1].
      real: [M, H, W, C] in [-1, 1].

    Returns:
      Scalar ratio of medians: about 1 if they are as diverse, 0 if all generated images
      are the same.
    """
    return _nearest(generated) / jnp.maximum(_nearest(real), 1e-12)


def _nearest(images: Array) -> Array:
    flat = _coarse(jnp.asarray(images, jnp.float32)).reshape(len(images), -1)
    squares = jnp.square(flat[:, None] - flat[None]).mean(-1)
    others = jnp.where(jnp.eye(len(images), dtype=bool), jnp.inf, squares)
    return jnp.sqrt(jnp.median(others.min(1)))


def _coarse(images: Array) -> Array:
    count, height, _, channels = images.shape
    side = min(height, COARSE_PX)
    block = height // side
    blocks = images[:, : side * block, : side * block]
    blocks = blocks.reshape(count, side, block, side, block, channels)
    return blocks.mean((2, 4))


def collapse(history: Sequence[Mapping[str, float]], least: float) -> Unsound | None:
    """Detects a generator that has collapsed; one that never was diverse still learns.

    Args:
      history: of looks, oldest first.
      least: `config.method.least_diversity`.

    Returns:
      The reason to go back, if the diversity once was above twice `least` and is below
      `least` now; else None.
    """
    return collapsed(
        history,
        METRIC,
        least,
        "the generator has collapsed to a few images",
    )


def former(notes: Mapping[str, Any]) -> list[dict[str, float]]:
    """Returns the history that former versions noted: the highest and the last look."""
    noted = (notes.get("most_diverse"), notes.get("diversity"))
    return [{METRIC: value} for value in noted if value]
