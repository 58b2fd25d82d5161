"""What a config may hold of the classifier. Imports nothing slow."""

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
    # What a record of each class counts: "balanced", N / (classes * its records), so
    # that all classes together count the same, or "equal".
    "class_weights": "balanced",
    "augment_prob": 0.0,  # of each kind
    "augment_kinds": ("turns", "shifts", "zoom", "rotation", "intensity"),
    "average_halflife_images": 10_000,  # as GAN-DL's, with the next
    "average_rampup_frac": 0.05,  # of the images seen
    # Looks at the validation records without a lower loss, after which training
    # stops; 0 goes on to the end. It needs config.train.validation.
    "patience": 0,
}
MODEL = {
    "width": 32,  # channels of the first block; each has twice as many (ours, as all)
    "width_max": 256,
    "blocks": 4,  # that halve the image
    "penultimate_dim": 128,
}
FEATURES = "penultimate"
LABELS = "needed"
ARCHITECTURE = (*(f"model.{key}" for key in MODEL), "model.dtype")
FREE = ("method.patience",)
LOWEST = {f"model.{key}": 1 for key in MODEL} | {"method.average_halflife_images": 1}
RECIPES = {}
CITE = (
    "LeCun, Bottou, Bengio, Haffner. Gradient-based learning applied to document "
    "recognition. Proc. IEEE 86 (1998).",
)


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    config.model.update(width=16, width_max=64)
    config.train.batch = 16


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    config.model.update(width=8, width_max=16, blocks=2, penultimate_dim=8)


def check(config) -> None:
    """Refuses what the network or the loss cannot do.

    Raises:
      InputError: with the first thing that is wrong.
    """
    method = config.method
    known("method.class_weights", method.class_weights, ("balanced", "equal"))
    check_at_most_1(method, "augment_prob", "average_rampup_frac")
    off = "--config.method.augment_prob=0"
    check_augmentation(method, used=method.augment_prob > 0, off=off)
    check_halved(config)
