"""The encoders that a config asks for, opened with the screen that they embed."""

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
    """Encoders, and what they embed.

    Attributes:
      theirs: the config that they were trained with.
      dataset: the prepared screen, as this config labels it.
      channels: of it, that they take.
      source: that they learnt from.
      method: theirs.
      encoders: one by one, each with a loader of its weights.
    """

    theirs: Any
    dataset: Prepared
    channels: tuple[str, ...]
    source: Source
    method: Any
    encoders: Iterator[Encoder]


def open_encoders(config, workdir: epath.Path) -> Opened:
    """Opens the prepared screen of a config and the encoders of its `embed`.

    Raises:
      InputError: no prepared screen, no checkpoint, or one of another architecture.
    """
    theirs = opening.encoder_config(config)
    dataset, channels = opening.open_dataset(config)
    trained = encoders.find_trained(config, workdir)
    source = trained.source() if trained and trained.steps else Source(channels)
    method = opening.encoder_method(config, theirs, source)
    chosen = encoders.choose(config, theirs, method, dataset, trained, source)
    return Opened(theirs, dataset, channels, source, method, chosen)
