"""DenseNet-121, as torchvision and timm have it."""

from gandl_jax.models.backbones.preprocessing import IMAGENET
from gandl_jax.models.conv_norm import TORCH
from gandl_jax.models.densenet import DenseNet

WIDTH = 1024  # of the pooled features
LEAST_PX = 29  # a pixel is left of every map
STAGES = ("stem", "block1", "block2", "block3", "block4")


def network(**options) -> DenseNet:
    """The network; options are its classes, axis, dtype, fixed."""
    return DenseNet(64, 32, (6, 12, 24, 16), TORCH, IMAGENET, **options)
