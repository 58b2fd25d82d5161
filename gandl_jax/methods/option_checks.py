"""Checks that the options of several methods share. Imports nothing slow."""

from typing import NamedTuple

from gandl_jax import config as configs
from gandl_jax.errors import InputError, known

AUGMENT_KINDS = ("turns", "shifts", "zoom", "rotation", "intensity", "channel_drop")


class Side(NamedTuple):
    """Side of the images that a network sees.

    Attributes:
      px: in pixels.
      key: of the config that sets it.
      set_by: the key that an error advises to set.
    """

    px: int
    key: str
    set_by: str


def whole_side(config) -> Side:
    """Returns the side of whole images; model.input_px scales the crop to it."""
    key = configs.network_px_key(config)
    return Side(configs.network_px(config), key, "model.input_px")


def check_augmentation(method, *, used: bool, off: str) -> None:
    """Refuses unknown kinds of augmentation, and augmentation without kinds.

    Args:
      method: `config.method`.
      used: whether anything is augmented.
      off: the flags that switch it off, for the message.

    Raises:
      InputError: names the known kinds.
    """
    for kind in method.augment_kinds:
        known("method.augment_kinds", kind, AUGMENT_KINDS)
    if used and not method.augment_kinds:
        raise InputError(
            "config.method.augment_kinds is empty, which leaves augmentation nothing "
            f"to do: name some of {', '.join(AUGMENT_KINDS)}, or set {off}"
        )


def check_patience(config) -> None:
    """Refuses to stop by a validation loss that nobody computes.

    Raises:
      InputError: there are no records to validate by.
    """
    patience = config.method.patience
    if patience and not config.train.validation:
        raise InputError(
            f"config.method.patience={patience} stops by the loss on records that are "
            "set aside, and config.train.validation is empty: set "
            "--config.train.validation=well:0.1, or --config.method.patience=0"
        )


def check_at_most_1(method, *keys: str) -> None:
    """Refuses probabilities above 1.

    Raises:
      InputError: names the first.
    """
    for key in keys:
        if method[key] > 1:
            raise InputError(f"config.method.{key}={method[key]} should be at most 1")


def check_halved(config, side: Side | None = None) -> None:
    """Refuses images that config.model.blocks blocks cannot halve to whole pixels.

    Args:
      config: of the experiment.
      side: of the images that the blocks see; None for whole images.

    Raises:
      InputError: names the nearest sizes that they can halve.
    """
    px, key, set_by = side or whole_side(config)
    factor = 2**config.model.blocks
    if px % factor:
        near = [
            size for size in (px // factor * factor, -(-px // factor) * factor) if size
        ]
        scale = "" if set_by == key else "; or keep the crop and scale it"
        raise InputError(
            f"config.{key}={px} should be a multiple of {factor}, for each of "
            f"config.model.blocks={config.model.blocks} halves it: "
            f"{' or '.join(map(str, near))}, say{scale}, as in "
            f"--config.{set_by}={near[0]}"
        )
