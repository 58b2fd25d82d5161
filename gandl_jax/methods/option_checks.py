"""Checks that the options of several methods share. Imports nothing slow."""

from gandl_jax import config as configs
from gandl_jax.errors import InputError, known

AUGMENT_KINDS = ("turns", "shifts", "zoom", "rotation", "intensity", "channel_drop")


def check_augmentation(method, *, used: bool, off: str) -> None:
    """Refuses unknown kinds of augmentation, and none where it is asked for.

    Args:
      method: `config.method`.
      used: whether anything is augmented.
      off: the flags that switch it off, for the message.

    Raises:
      InputError: with the kinds that there are.
    """
    for kind in method.augment_kinds:
        known("method.augment_kinds", kind, AUGMENT_KINDS)
    if used and not method.augment_kinds:
        raise InputError(
            "config.method.augment_kinds is empty, which leaves augmentation nothing "
            f"to do: name some of {', '.join(AUGMENT_KINDS)}, or set {off}"
        )


def check_at_most_1(method, *keys: str) -> None:
    """Refuses probabilities above 1.

    Raises:
      InputError: naming the first.
    """
    for key in keys:
        if method[key] > 1:
            raise InputError(f"config.method.{key}={method[key]} should be at most 1")


def check_halved(config) -> None:
    """Refuses images that config.model.blocks blocks cannot halve to whole pixels.

    Raises:
      InputError: with the nearest sizes that they can.
    """
    key, size = configs.network_px_key(config), configs.network_px(config)
    factor = 2**config.model.blocks
    if size % factor:
        near = [n for n in (size // factor * factor, -(-size // factor) * factor) if n]
        raise InputError(
            f"config.{key}={size} should be a multiple of {factor}, for each of "
            f"config.model.blocks={config.model.blocks} halves it: "
            f"{' or '.join(map(str, near))}, say; or keep the crop and scale it, as in "
            f"--config.model.input_px={near[0]}"
        )
