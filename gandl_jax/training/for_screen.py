"""The method that a config names, for a screen that need not be prepared."""

from collections.abc import Sequence
from typing import Any

from gandl_jax.errors import InputError
from gandl_jax.prepared import prepared
from gandl_jax.raw import screen
from gandl_jax.training import opening


def channels(config) -> tuple[str, ...]:
    """The channels that the network takes.

    Raises:
      InputError: the screen has no such channel.
    """
    spec = screen.load(config)
    return prepared.check_channels(spec.name, spec.channels, config.data.channels)


def class_names(config) -> Sequence[str]:
    """The classes that the network learns by, which the prepared screen alone knows.

    Raises:
      InputError: there are to be classes, and the screen is not prepared.
    """
    if not config.data.label:
        return ()
    if not prepared.is_complete(config.data.dir):
        raise InputError(
            f"config.data.label={config.data.label!r} names a column of the prepared "
            f"screen, and {config.data.dir} holds none: prepare it (--job=prepare), or "
            "leave the label out"
        )
    dataset, _ = opening.open_dataset(config)
    return opening.read_classes(config, dataset).names


def make_method(config) -> Any:
    """The method.

    Raises:
      InputError: as `channels` and `class_names`.
    """
    channels(config)
    return opening.make_method(config, screen.load(config), class_names(config))
