"""Views of images, augmented on the device, and their contrastive loss."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array, lax

from gandl_jax import parallel
from gandl_jax.methods.augment import augment
from gandl_jax.methods.contrast import contrast
from gandl_jax.methods.phase import substream


def two_views(
    images: Array, keys: Array, *, prob: float, kinds: Sequence[str]
) -> tuple[Array, Array]:
    """Makes two views of each image, augmented independently.

    Args:
      images: [B, N, N, C] float32 in [-1, 1].
      keys: [B], one per sample, for the views alone.
      prob: of each kind of augmentation.
      kinds: of `augment.KINDS`.

    Returns:
      Two arrays [B, N, N, C].
    """
    return tuple(
        augment(images, substream(keys, number), prob, kinds) for number in range(2)
    )


def contrast_everywhere(views: Array, temperature: float) -> tuple[Array, Array]:
    """Computes `contrast` of a device's views among those of all devices.

    Args:
      views: [B, 2, K] two views of each of the device's images, of unit length.
      temperature: cosines are divided by it.

    Returns:
      Scalar loss, whose mean over devices is the global batch's, and the share of views
      whose other half is the nearest.
    """
    all_views = lax.all_gather(views, parallel.AXIS, tiled=True)
    first = lax.axis_index(parallel.AXIS) * len(views)
    index = first + jnp.arange(len(views))
    return contrast(views, all_views, index, temperature)
