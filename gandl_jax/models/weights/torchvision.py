"""Names of torchvision's DenseNets and ResNet-50 (its state_dicts)."""

import re

from gandl_jax.models.weights.names import torch

_ORDINAL = {"first": 1, "second": 2, "third": 3}


def _residual(match: re.Match) -> str:
    """Blocks are counted from 0; the shortcut is a sequence of two layers."""
    stage, block, layer, kind = match.groups()
    at = f"layer{stage}.{int(block) - 1}"
    if layer == "shortcut":
        return f"{at}.downsample.{0 if kind == 'conv' else 1}"
    return f"{at}.{'conv' if kind == 'conv' else 'bn'}{_ORDINAL[layer]}"


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
    """A name in DenseNet files of 2017, which are still those that are fetched.

    There "denselayer1.norm.1.weight" stands for "denselayer1.norm1.weight".
    """
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2.", name)
