"""Names of torchvision's DenseNets and ResNet-50 (its state_dicts)."""

import re

from gandl_jax.models.weights.names import torch

_ORDINAL = {"first": 1, "second": 2, "third": 3}


def _residual(match: re.Match) -> str:
    """Names a block's layer; blocks count from 0, shortcuts are two layers."""
    stage, block, layer, layer_kind = match.groups()
    block_name = f"layer{stage}.{int(block) - 1}"
    if layer == "shortcut":
        return f"{block_name}.downsample.{0 if layer_kind == 'conv' else 1}"
    return f"{block_name}.{'conv' if layer_kind == 'conv' else 'bn'}{_ORDINAL[layer]}"


_DENSENET = torch(
    (
        (r"stem_(conv|norm)", r"features.\g<1>0"),
        (
            r"block(\d)_layer(\d+)/(norm|conv)(\d)",
            r"features.denseblock\1.denselayer\2.\3\4",
        ),
        (r"transition(\d)/(norm|conv)", r"features.transition\1.\2"),
        (r"final_norm", r"features.norm5"),
        (r"logits", r"classifier"),
    ),
    head="classifier",
)
_RESNET = torch(
    (
        (r"stem_conv", r"conv1"),
        (r"stem_norm", r"bn1"),
        (r"block(\d)_(\d)/(first|second|third|shortcut)_(conv|norm)", _residual),
        (r"logits", r"fc"),
    ),
    head="fc",
)
NAMES = {"densenet121": _DENSENET, "densenet161": _DENSENET, "resnet50": _RESNET}


def modern(name: str) -> str:
    """Returns the modern name of an array in DenseNet files of 2017, still in use.

    Their "denselayer1.norm.1.weight" is "denselayer1.norm1.weight".
    """
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2.", name)
