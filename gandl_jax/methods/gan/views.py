"""A second loss of D: telling two views of an image from all others (SimCLR)."""

import jax
import jax.numpy as jnp
from jax import Array

from gandl_jax.methods import views
from gandl_jax.methods.gan.discriminator import Discriminator
from gandl_jax.methods.gan.streams import VIEWS
from gandl_jax.methods.phase import substream
from gandl_jax.models.stylegan2.projection import Projection

HEAD = "views_head"  # among the discriminator's parameters


def init_head(discriminator: Discriminator, d: dict, key: Array) -> dict:
    """Makes the parameters of the projection in which views are compared."""
    features = _pooled(discriminator, d, discriminator.blank(2))
    return Projection().init(jax.random.fold_in(key, VIEWS), features)["params"]


def contrast(
    discriminator: Discriminator, d: dict, images: Array, keys: Array, options
) -> tuple[Array, Array]:
    """Computes the loss of telling two views of each image from all others.

    Features are those of the last block; views of all devices are compared.

    Args:
      discriminator: of the GAN.
      d: its parameters, `HEAD` among them.
      images: [B, H, W, C] float32 in [-1, 1].
      keys: [B], one per sample.
      options: `config.method`.

    Returns:
      Scalar loss, and the share of views whose other half is the nearest.
    """
    all_views = jnp.concatenate(
        views.two_views(
            images,
            substream(keys, VIEWS),
            prob=options.views_prob,
            kinds=options.augment_kinds,
        )
    )
    pooled = _pooled(discriminator, d, all_views)
    projected = Projection().apply({"params": d[HEAD]}, pooled)
    pairs = jnp.stack(jnp.split(projected, 2), 1)
    return views.contrast_everywhere(pairs, options.views_temperature)


def _pooled(discriminator: Discriminator, d: dict, images: Array) -> Array:
    """Pools the deepest block's map to means and deviations, [B, 2 D]."""
    deepest = discriminator.features(d, images)["b8"]
    deviations = jnp.sqrt(deepest.var((1, 2)) + 1e-6)  # flat maps have a slope
    return jnp.concatenate([deepest.mean((1, 2)), deviations], -1)
