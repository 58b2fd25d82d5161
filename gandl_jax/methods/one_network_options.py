"""Options that methods of one small convolutional network share.

Imports nothing slow.
"""

from gandl_jax.methods.option_checks import (
    check_at_most_1,
    check_augmentation,
    check_halved,
)

ADAM = {
    "learning_rate": 1e-3,  # Adam's default (Kingma and Ba 2015), like the next two
    "beta1": 0.9,
    "beta2": 0.999,
}
AUGMENT = {
    "augment_prob": 0.0,  # of each kind, before the network sees an image
    "augment_kinds": ("turns", "shifts", "zoom", "rotation", "intensity"),
}
OPTIONS = {
    **ADAM,
    **AUGMENT,
    "average_halflife_images": 10_000,  # as GAN-DL's, with the next
    "average_rampup_frac": 0.05,  # of the images seen
}
MODEL = {
    "width": 32,  # channels of the first block; each has twice as many (ours, as all)
    "width_max": 256,
    "blocks": 4,  # that halve the image
}
LOWEST = {"method.average_halflife_images": 1}


def small(config) -> None:
    """Sets sizes that two cores train in minutes (ours)."""
    config.model.update(width=16, width_max=64)
    config.train.batch = 16


def smoke(config) -> None:
    """Sets sizes that take seconds."""
    config.model.update(width=8, width_max=16, blocks=2)


def check(config) -> None:
    """Refuses impossible probabilities, augmentation and sizes.

    Raises:
      InputError: names the first thing that is wrong.
    """
    check_learning(config)
    check_halved(config)


def check_learning(config) -> None:
    """Refuses impossible probabilities and augmentation.

    Raises:
      InputError: names the first thing that is wrong.
    """
    check_at_most_1(config.method, "average_rampup_frac")
    check_augment(config.method)


def check_augment(method) -> None:
    """Refuses impossible augmentation.

    Args:
      method: `config.method`, with `AUGMENT`.

    Raises:
      InputError: names the first thing that is wrong.
    """
    off = "--config.method.augment_prob=0"
    check_at_most_1(method, "augment_prob")
    check_augmentation(method, used=method.augment_prob > 0, off=off)
