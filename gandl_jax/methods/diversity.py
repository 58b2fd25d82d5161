"""Whether the generator still draws different images, or has collapsed to a few."""

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
    """The check of the generator's samples.

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
    """How far generated images are from one another, over the same of real ones.

    The distance of each to the nearest other one, root mean square over pixels and
    channels of images averaged to 16 x 16, in the median: it vanishes where a generator
    draws one image, or a few, again and again, whatever noise it adds (ours).

    Args:
      generated: [N, H, W, C] in [-1, 1].
      real: [M, H, W, C] in [-1, 1].

    Returns:
      scalar: about 1 where they are as diverse, 0 where all generated images are the
      same.
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
    parts = images[:, : side * block, : side * block]
    parts = parts.reshape(count, side, block, side, block, channels)
    return parts.mean((2, 4))


def collapse(history: Sequence[Mapping[str, float]], least: float) -> Unsound | None:
    """Tells a generator that has collapsed; one that never was diverse still learns.

    Args:
      history: of looks, oldest first.
      least: `config.method.least_diversity`.

    Returns:
      Why it must go back, where it once was above twice the least and is below it now.
    """
    return collapsed(
        history,
        METRIC,
        least,
        "the generator has collapsed to a few images",
    )


def former(notes: Mapping[str, Any]) -> list[dict[str, float]]:
    """The history that former versions noted: the highest look, and the last."""
    noted = (notes.get("most_diverse"), notes.get("diversity"))
    return [{METRIC: value} for value in noted if value]
