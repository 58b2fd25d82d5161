"""Functions shared by methods whose network learns from its own moving average.

The state is that of a method of one network; its moving average gives the targets: it
is the target of BYOL, the teacher of DINO.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import ema, multi_crop
from gandl_jax.methods.contract import Pair
from gandl_jax.methods.phase import sample_keys
from gandl_jax.methods.scaled import scaled


def kept_share(config, step: Array) -> Array:
    """Returns the share of the average that a step keeps, scalar.

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


def see_views(see: Callable[[Array], Array], views: Sequence[Array]) -> list[Array]:
    """Applies a network to every view, to those of one side together.

    Args:
      see: [N, H, W, C] to [N, D].
      views: [B, H, W, C] each.

    Returns:
      [B, D] for each view.
    """
    features: dict[int, Array] = {}
    for side in dict.fromkeys(view.shape[1] for view in views):
        same_side = [
            number for number, view in enumerate(views) if view.shape[1] == side
        ]
        same_side_features = see(
            jnp.concatenate([views[number] for number in same_side])
        )
        split_features = jnp.split(same_side_features, len(same_side))
        features |= dict(zip(same_side, split_features, strict=True))
    return [features[number] for number in range(len(views))]


def view_pairs(views: int, taught: int) -> list[tuple[int, int]]:
    """Returns pairs of different views: (of the average, of the network that learns).

    Args:
      views: number of views that the network sees.
      taught: number of first views, which the average sees.
    """
    return [
        (target_view, view)
        for target_view in range(taught)
        for view in range(views)
        if target_view != view
    ]


def validation_views(config, batch: dict, least: int) -> list[Array]:
    """Draws views of validation images, by a tile's index in its batch.

    They are the same at every validation.

    Args:
      config: of the experiment.
      batch: of the contract.
      least: lowest number of views.
    """
    keys = sample_keys(jax.random.key(0), batch["index"])
    return multi_crop.crops(config, batch | {"keys": keys}, least)


def show(config, batch: dict, key: Array) -> Sequence[Pair]:
    """Pairs of training images and two of their views, scaled to their side."""
    keyed_batch = batch | {"keys": sample_keys(key, batch["index"])}
    first, second, *_ = multi_crop.crops(config, keyed_batch, 2)
    side = batch["images"].shape[1]
    return [
        Pair("original", batch["images"], "a view", scaled(first, side)),
        Pair("original", batch["images"], "another", scaled(second, side)),
    ]
