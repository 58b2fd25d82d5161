"""The encoders that a config asks for, and the screen that they embed."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from etils import epath

from gandl_jax.methods.source import Source
from gandl_jax.prepared.prepared import Prepared
from gandl_jax.training import encoders, opening
from gandl_jax.training.encoders import Encoder


@dataclasses.dataclass(frozen=True)
class Opened:
    """Encoders, and the screen that they embed.

    Attributes:
      trained_config: the config that they were trained with.
      dataset: the prepared screen, labelled by this experiment's config.
      channels: of the screen that they take.
      source: of the records that they were trained on.
      method: that they were trained by.
      encoders: each with a loader of its weights.
    """

    trained_config: Any
    dataset: Prepared
    channels: tuple[str, ...]
    source: Source
    method: Any
    encoders: Iterator[Encoder]


def open_encoders(config, workdir: epath.Path) -> Opened:
    """Opens the prepared screen of a config and the encoders of its `embed`.

    Raises:
      InputError: no prepared screen, no checkpoint, or a checkpoint of another
        architecture.
    """
    trained_config = opening.encoder_config(config)
    dataset, channels = opening.open_dataset(config)
    trained = encoders.find_trained(config, workdir)
    source = trained.source() if trained and trained.steps else Source(channels)
    method = opening.encoder_method(config, trained_config, source)
    chosen = encoders.choose(config, trained_config, method, dataset, trained, source)
    return Opened(trained_config, dataset, channels, source, method, chosen)
