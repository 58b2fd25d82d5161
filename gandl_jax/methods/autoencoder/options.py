"""What a config may hold of the autoencoder. Imports nothing slow."""

from gandl_jax.errors import known
from gandl_jax.methods import one_network_options

OPTIONS = {
    **one_network_options.OPTIONS,
    "loss": "squared",  # or "absolute": of the pixels
}
MODEL = {**one_network_options.MODEL, "code_dim": 128}
FEATURES = "code"
LABELS = "none"
ARCHITECTURE = (*(f"model.{key}" for key in MODEL), "model.dtype")
FREE = ()
LOWEST = one_network_options.LOWEST | {f"model.{key}": 1 for key in MODEL}
RECIPES = {}
CITE = (
    "Hinton, Salakhutdinov. Reducing the dimensionality of data with neural networks. "
    "Science 313 (2006).",
)

small = one_network_options.small


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    one_network_options.smoke(config)
    config.model.code_dim = 8


def check(config) -> None:
    """Refuses what the network or the loss cannot do.

    Raises:
      InputError: with the first thing that is wrong.
    """
    known("method.loss", config.method.loss, ("squared", "absolute"))
    one_network_options.check(config)
