"""Preprocessing of images as in a published network's training.

Published networks expect the levels that they were trained on, 0 to 255 before the
preprocessing; ours are in [-1, 1].
"""

import dataclasses

import jax.numpy as jnp
from jax import Array


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """A mean and a deviation for each colour, in levels of 0 to 255.

    Attributes:
      order: of the colours as the network takes them, "RGB" or "BGR".
      mean: to subtract, in that order.
      deviation: to divide by, in that order.
    """

    order: str
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def __call__(self, images: Array) -> Array:
        """Converts levels to those that the network takes.

        Args:
          images: [B, H, W, C] in [-1, 1]. Three channels are the three colours, in the
            network's order; with any other number all get the means over the colours.
        """
        mean, deviation = jnp.array(self.mean), jnp.array(self.deviation)
        if images.shape[-1] != len(self.mean):
            mean, deviation = mean.mean(keepdims=True), deviation.mean(keepdims=True)
        mean, deviation = (values.reshape(1, 1, 1, -1) for values in (mean, deviation))
        return ((images + 1) * 127.5 - mean) / deviation


# Means and deviations of ImageNet's training images: torchvision's, timm's, and
# Keras's for DenseNet ("torch" in keras.applications.imagenet_utils).
IMAGENET = Preprocessing(
    "RGB",
    mean=(255 * 0.485, 255 * 0.456, 255 * 0.406),
    deviation=(255 * 0.229, 255 * 0.224, 255 * 0.225),
)
# Keras's for ResNet-50 ("caffe" in the same module).
IMAGENET_BGR = Preprocessing(
    "BGR", mean=(103.939, 116.779, 123.68), deviation=(1.0, 1.0, 1.0)
)
# EfficientNet-Lite's authors'; timm's mean and deviation .5 differ by half a level.
LITE = Preprocessing("RGB", mean=(127.0,) * 3, deviation=(128.0,) * 3)
