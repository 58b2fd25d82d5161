"""The method of a config, for a screen that need not be prepared."""

from typing import Any

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.source import Source
from gandl_jax.prepared import prepared
from gandl_jax.raw import screen
from gandl_jax.training import opening, training_records


def channels(config) -> tuple[str, ...]:
    """Returns the channels that the network takes.

    Raises:
      InputError: the screen has no such channel.
    """
    spec = screen.load(config)
    return prepared.check_channels(spec.name, spec.channels, config.data.channels)


def source(config) -> Source:
    """Returns the source that the method is made with.

    Raises:
      InputError: the method needs classes, and neither a prepared screen nor
        `config.plan.classes` gives their number.
    """
    if not configs.label_columns(config):
        return Source(channels(config))
    if prepared.is_complete(config.data.dir):
        return training_records.open_records(config).source
    names = _assumed_classes(config)
    if not names:
        raise InputError(
            f"config.data.label={config.data.label!r} names a column of the prepared "
            f"screen, and {config.data.dir} holds none: prepare it (--job=prepare), "
            "say how many classes it will have (--config.plan.classes=10), or leave "
            "the label out"
        )
    columns = configs.label_columns(config)
    return Source(
        channels(config),
        classes=dict.fromkeys(columns, names),
        class_counts=dict.fromkeys(columns, (1,) * len(names)),
        records=len(names),
    )


def _assumed_classes(config) -> tuple[str, ...]:
    """Returns classes for a screen that is not prepared; () if not known."""
    numbered = (f"class {number}" for number in range(config.plan.classes))
    return tuple(config.data.label_values) or tuple(numbered)


def make_method(config) -> Any:
    """Makes the method.

    Raises:
      InputError: as in `source`.
    """
    return opening.make_method(config, source(config))
