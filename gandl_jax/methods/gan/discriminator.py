"""StyleGAN2's discriminator: functions of its parameters."""

import jax.numpy as jnp
from jax import Array

from gandl_jax.methods.style_generator import block_sizes
from gandl_jax.models.stylegan2 import stylegan2


class Discriminator:
    """The discriminator of a config's sizes.

    Args:
      config: of the experiment.
      channels: C of the images.
      classes: number of classes; 0 is without labels.

    Attributes:
      module: the network itself.
    """

    def __init__(self, config, channels: int, classes: int = 0):
        model, sizes = config.model, block_sizes(config)
        self._image_shape = sizes["size"], sizes["size"], channels
        self.module = stylegan2.Discriminator(
            group=model.mbstd_group,
            classes=classes,
            mapping_layers=model.label_layers or model.mapping_layers,
            **sizes,
        )

    def init(self, key: Array) -> dict:
        """Makes the parameters."""
        group = self.module.group
        labels = jnp.zeros(group, jnp.int32)
        return self.module.init(key, self.blank(group), labels)["params"]

    def blank(self, count: int) -> Array:
        """Returns images [count, H, W, C] of zeros."""
        return jnp.zeros((count, *self._image_shape))

    def logits(self, d: dict, images: Array, labels: Array | None = None) -> Array:
        """Returns logits [B] of images [B, H, W, C], and labels [B] int32 if any."""
        return self.module.apply({"params": d}, images, labels)

    def logits_apart(
        self, d: dict, images: Array, labels: Array | None = None
    ) -> Array:
        """Returns `logits` without comparing an image with the others of its group."""
        return self.module.apply({"params": d}, images, labels, method="apart")

    def features(self, d: dict, images: Array) -> dict[str, Array]:
        """Returns the maps of images [B, H, W, C], by name."""
        return self.module.apply({"params": d}, images, method="features")

    def linear_maps(self, d: dict, images: Array) -> dict[str, Array]:
        """Returns the last convolution of each block before its nonlinearity.

        Returns:
          {"b<r>": [B, r/2, r/2, D] float32}, of images [B, H, W, C].
        """
        _, kept = self.module.apply(
            {"params": d},
            images,
            method="features",
            mutable=[stylegan2.INTERMEDIATES],
        )
        return {
            name.rpartition("_")[2]: block[stylegan2.LINEAR][0].astype(jnp.float32)
            for name, block in kept[stylegan2.INTERMEDIATES].items()
        }
