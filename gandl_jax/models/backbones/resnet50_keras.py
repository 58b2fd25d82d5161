"""ResNet-50 of Keras, with strided first 1 x 1 convolutions, and biases."""

from gandl_jax.models.backbones.preprocessing import IMAGENET_BGR
from gandl_jax.models.conv_norm import KERAS
from gandl_jax.models.resnet50 import ResNet50

WIDTH = 2048  # of the pooled features
LEAST_PX = 1
STAGES = ("stem", "block1", "block2", "block3", "block4")


def network(**options) -> ResNet50:
    """Makes the network; options are its classes, axis, dtype, fixed."""
    return ResNet50(KERAS, IMAGENET_BGR, False, True, **options)
