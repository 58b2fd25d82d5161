"""Views of images, augmented on the device, and how well they find one another."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array, lax

from gandl_jax import parallel
from gandl_jax.methods.augment import augment
from gandl_jax.methods.contrast import contrast
from gandl_jax.methods.phase import substream


def two(
    images: Array, keys: Array, *, prob: float, kinds: Sequence[str]
) -> tuple[Array, Array]:
    """Two views of each image, each augmented by itself.

    Args:
      images: [B, N, N, C] float32 in [-1, 1].
      keys: [B], one per sample, for the views alone.
      prob: of each kind of augmentation.
      kinds: of `augment.KINDS`.

    Returns:
      Two arrays [B, N, N, C].
    """
    return tuple(augment(images, substream(keys, n), prob, kinds) for n in range(2))


def contrast_everywhere(views: Array, temperature: float) -> tuple[Array, Array]:
    """`contrast` of a device's views, told from those of all devices.

    Args:
      views: [B, 2, K] two views of each of the device's images, of unit length.
      temperature: cosines are divided by it.

    Returns:
      scalar loss, whose mean over devices is the global batch's, and the share of views
      whose other half is the nearest.
    """
    everyone = lax.all_gather(views, parallel.AXIS, tiled=True)
    first = lax.axis_index(parallel.AXIS) * len(views)
    place = first + jnp.arange(len(views))
    return contrast(views, everyone, place, temperature)
