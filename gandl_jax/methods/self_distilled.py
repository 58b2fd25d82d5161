"""What methods share in which a network learns from its own moving average.

Its state is that of a method of one network; the average, which gives what is to be
learnt, is the state's average: the target of BYOL, the teacher of DINO.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import ema, multi_crop
from gandl_jax.methods.contract import Pair
from gandl_jax.methods.phase import sample_keys
from gandl_jax.methods.scaled import scaled


def kept(config, step: Array) -> Array:
    """Share of the average that a step keeps, scalar.

    Args:
      config: its method has `self_distilled_options.OPTIONS`.
      step: scalar int32, steps completed before this one.
    """
    method = config.method
    return ema.cosine(
        step,
        method.average_decay,
        method.average_decay_last,
        method.average_decay_images / config.train.batch,
    )


def each(see: Callable[[Array], Array], views: Sequence[Array]) -> list[Array]:
    """What a network sees in every view, those of a side together.

    Args:
      see: [N, H, W, C] to [N, D].
      views: [B, H, W, C] each.

    Returns:
      [B, D] for each.
    """
    found: dict[int, Array] = {}
    for side in dict.fromkeys(view.shape[1] for view in views):
        numbers = [n for n, view in enumerate(views) if view.shape[1] == side]
        together = see(jnp.concatenate([views[n] for n in numbers]))
        apart = jnp.split(together, len(numbers))
        found |= dict(zip(numbers, apart, strict=True))
    return [found[number] for number in range(len(views))]


def others(views: int, taught: int) -> list[tuple[int, int]]:
    """Pairs of different views: (of the average, of the network that learns).

    Args:
      views: how many the network that learns sees.
      taught: how many of them, the first, the average sees.
    """
    return [(a, b) for a in range(taught) for b in range(views) if a != b]


def validation_views(config, batch: dict, least: int) -> list[Array]:
    """Views of images that are not learnt, drawn by a tile's place in its batch.

    They are the same at every look.

    Args:
      config: of the experiment.
      batch: of the contract.
      least: how many there are at least.
    """
    keys = sample_keys(jax.random.key(0), batch["index"])
    return multi_crop.crops(config, batch | {"keys": keys}, least)


def show(config, batch: dict, key: Array) -> Sequence[Pair]:
    """Training images beside two of their views, which are scaled to their side."""
    part = batch | {"keys": sample_keys(key, batch["index"])}
    first, second, *_ = multi_crop.crops(config, part, 2)
    side = batch["images"].shape[1]
    return [
        Pair("original", batch["images"], "a view", scaled(first, side)),
        Pair("original", batch["images"], "another", scaled(second, side)),
    ]
