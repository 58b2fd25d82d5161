"""ResNet-50 of torchvision and timm, with strided 3 x 3 convolutions."""

from gandl_jax.models.backbones.preprocessing import IMAGENET
from gandl_jax.models.conv_norm import TORCH
from gandl_jax.models.resnet50 import ResNet50

WIDTH = 2048  # of the pooled features
LEAST_PX = 1
STAGES = ("stem", "block1", "block2", "block3", "block4")


def network(**options) -> ResNet50:
    """Makes the network; options are its classes, axis, dtype, fixed."""
    return ResNet50(TORCH, IMAGENET, **options)
