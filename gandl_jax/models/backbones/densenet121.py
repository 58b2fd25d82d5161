"""DenseNet-121 of torchvision and timm."""

from gandl_jax.models.backbones.preprocessing import IMAGENET
from gandl_jax.models.conv_norm import TORCH
from gandl_jax.models.densenet import DenseNet

WIDTH = 1024  # of the pooled features
LEAST_PX = 29  # every map has a pixel
STAGES = ("stem", "block1", "block2", "block3", "block4")


def network(**options) -> DenseNet:
    """Makes the network; options are its classes, axis, dtype, fixed."""
    return DenseNet(64, 32, (6, 12, 24, 16), TORCH, IMAGENET, **options)
