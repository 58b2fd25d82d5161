"""What a config may hold of the autoencoder. Imports nothing slow."""

from gandl_jax.errors import known
from gandl_jax.methods.option_checks import (
    check_at_most_1,
    check_augmentation,
    check_halved,
)

OPTIONS = {
    "learning_rate": 1e-3,  # Adam's own (Kingma and Ba 2015), as the next two
    "beta1": 0.9,
    "beta2": 0.999,
    "loss": "squared",  # or "absolute": of the pixels
    "augment_prob": 0.0,  # of each kind, before the image is rebuilt
    "augment_kinds": ("turns", "shifts", "zoom", "rotation", "intensity"),
    "average_halflife_images": 10_000,  # as GAN-DL's, with the next
    "average_rampup_frac": 0.05,  # of the images seen
}
MODEL = {
    "width": 32,  # channels of the first block; each has twice as many (ours, as all)
    "width_max": 256,
    "blocks": 4,  # that halve the image
    "code_dim": 128,
}
FEATURES = "code"
LABELS = "none"
ARCHITECTURE = (*(f"model.{key}" for key in MODEL), "model.dtype")
FREE = ()
LOWEST = {f"model.{key}": 1 for key in MODEL} | {"method.average_halflife_images": 1}
RECIPES = {}
CITE = (
    "Hinton, Salakhutdinov. Reducing the dimensionality of data with neural networks. "
    "Science 313 (2006).",
)


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    config.model.update(width=16, width_max=64)
    config.train.batch = 16


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    config.model.update(width=8, width_max=16, blocks=2, code_dim=8)


def check(config) -> None:
    """Refuses what the network or the loss cannot do.

    Raises:
      InputError: with the first thing that is wrong.
    """
    method = config.method
    known("method.loss", method.loss, ("squared", "absolute"))
    check_at_most_1(method, "augment_prob", "average_rampup_frac")
    off = "--config.method.augment_prob=0"
    check_augmentation(method, used=method.augment_prob > 0, off=off)
    check_halved(config)
