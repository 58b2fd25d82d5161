"""Beside the game D learns to tell two views of an image from all others (SimCLR)."""

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import views
from gandl_jax.methods.gan.networks import VIEWS, Networks
from gandl_jax.methods.phase import substream
from gandl_jax.models.stylegan2.projection import Projection

HEAD = "views_head"  # beside the discriminator's own parameters


def init_head(networks: Networks, d: dict, key: Array) -> dict:
    """Parameters of the projection that the views are compared in."""
    shape = (2, networks.size, networks.size, networks.channels)
    features = _pooled(networks, d, jnp.zeros(shape))
    return Projection().init(jax.random.fold_in(key, VIEWS), features)["params"]


def contrast(
    networks: Networks, d: dict, images: Array, keys: Array, options
) -> tuple[Array, Array]:
    """How well the last block tells two views of each image from all others.

    The views of all devices are compared: the loss is the global batch's.

    Args:
      networks: of the GAN.
      d: the discriminator's parameters, `HEAD` among them.
      images: [B, H, W, C] float32 in [-1, 1].
      keys: [B], one per sample.
      options: `config.method`.

    Returns:
      scalar loss, and the share of views whose other half is the nearest.
    """
    both = jnp.concatenate(
        views.two(
            images,
            substream(keys, VIEWS),
            prob=options.views_prob,
            kinds=options.augment_kinds,
        )
    )
    projected = Projection().apply({"params": d[HEAD]}, _pooled(networks, d, both))
    pairs = jnp.stack(jnp.split(projected, 2), 1)
    return views.contrast_everywhere(pairs, options.views_temperature)


def _pooled(networks: Networks, d: dict, images: Array) -> Array:
    """[B, 2 D]: means and deviations of the deepest block's map."""
    deepest = networks.features(d, images)["b8"]
    deviations = jnp.sqrt(deepest.var((1, 2)) + 1e-6)  # flat maps have a slope
    return jnp.concatenate([deepest.mean((1, 2)), deviations], -1)
