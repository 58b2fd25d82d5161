"""What the jobs of one experiment share: its dataset and its method."""

import importlib
from typing import Any

from gandl_jax.datasets import prepared
from gandl_jax.errors import InputError


def open_dataset(config) -> tuple[prepared.Prepared, tuple[str, ...]]:
    """The prepared screen that the config names, and the channels to use.

    Imports nothing slow.

    Raises:
      InputError: it is not prepared, is another screen, is smaller than a crop, or has
        no such channel.
    """
    dataset = prepared.open_prepared(config.data.dir)
    if dataset.name != config.data.name:
        raise InputError(
            f"{config.data.dir} holds the screen {dataset.name!r}, not "
            f"config.data.name={config.data.name!r}: name another config.data.dir"
        )
    prepared.check_crop(dataset, config.data.crop_px)
    return dataset, prepared.choose_channels(dataset, config.data.channels)


def make_method(config, dataset: prepared.Prepared) -> Any:
    """The method that the config names, for a prepared screen."""
    module = importlib.import_module(f"gandl_jax.methods.{config.method.name}")
    return module.Method(config, dataset)
