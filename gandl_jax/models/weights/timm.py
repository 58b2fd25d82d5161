"""Names of timm's networks; its DenseNets and ResNet-50 have torchvision's names."""

import re

from gandl_jax.models.weights import torchvision
from gandl_jax.models.weights.names import torch

_FIRST = {"depthwise": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")}
_OTHERS = {
    "expand": ("conv_pw", "bn1"),
    "depthwise": ("conv_dw", "bn2"),
    "project": ("conv_pwl", "bn3"),
}


def _block(match: re.Match) -> str:
    """Names a block's layer; counts are from 0, and the first stage has no expand."""
    stage, block, layer, layer_kind = match.groups()
    layers = _FIRST if stage == "1" else _OTHERS
    name = layers[layer][0 if layer_kind == "conv" else 1]
    return f"blocks.{int(stage) - 1}.{int(block) - 1}.{name}"


_LITE = torch(
    (
        (r"stem_conv", r"conv_stem"),
        (r"stem_norm", r"bn1"),
        (r"block(\d)_(\d)/(expand|depthwise|project)_(conv|norm)", _block),
        (r"head_conv", r"conv_head"),
        (r"head_norm", r"bn2"),
        (r"logits", r"classifier"),
    ),
    head="classifier",
)
NAMES = torchvision.NAMES | {"efficientnet_lite0": _LITE}
