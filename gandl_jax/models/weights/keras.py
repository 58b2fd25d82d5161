"""Names of keras.applications' DenseNet-121 and ResNet-50."""

import re

from gandl_jax.models.weights.names import keras

_KIND = {"conv": "conv", "norm": "bn"}
_PLACE = {"shortcut": 0, "first": 1, "second": 2, "third": 3}


def _stem(match: re.Match) -> str:
    return f"conv1_{_KIND[match[1]]}"


def _dense(match: re.Match) -> str:
    """Names a dense layer's arrays: norm 0, conv 1, norm 1, conv 2; stages from 2."""
    block, layer, layer_kind, number = match.groups()
    position = int(number) - 1 if layer_kind == "norm" else int(number)
    return f"conv{int(block) + 1}_block{layer}_{position}_{_KIND[layer_kind]}"


def _transition(match: re.Match) -> str:
    return f"pool{int(match[1]) + 1}_{_KIND[match[2]]}"


def _residual(match: re.Match) -> str:
    stage, block, layer, layer_kind = match.groups()
    return f"conv{int(stage) + 1}_block{block}_{_PLACE[layer]}_{_KIND[layer_kind]}"


_DENSENET = keras(
    (
        (r"stem_(conv|norm)", _stem),
        (r"block(\d)_layer(\d+)/(norm|conv)(\d)", _dense),
        (r"transition(\d)/(norm|conv)", _transition),
        (r"final_norm", "bn"),
        (r"logits", "predictions"),
    ),
    head="predictions",
)
_RESNET = keras(
    (
        (r"stem_(conv|norm)", _stem),
        (r"block(\d)_(\d)/(first|second|third|shortcut)_(conv|norm)", _residual),
        (r"logits", "predictions"),
    ),
    head="predictions",
)
NAMES = {"densenet121_keras": _DENSENET, "resnet50_keras": _RESNET}
