"""Lists of configs that are run and compared together: configs/sweeps/NAME.py.

Such a file defines `get_configs(screen)`, which returns named configs of a screen, most
simply by `Screen.grid`. Imports nothing slow.
"""

import dataclasses
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_collections

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.errors import InputError

Configs = dict[str, ml_collections.ConfigDict]
FILE_AXES = ("method", "recipe")  # axes that are options of a config file
LENGTHS = ("total_images", "log_every_images")  # of train, that smoke keeps short
HELD_OUT = "plate:0.33"  # if the screen's config holds nothing out


@dataclasses.dataclass(frozen=True)
class Screen:
    """The screen of a sweep.

    Attributes:
      name: of its config file, without folder and ending: "demo".
      load: returns the file's config, for options such as "method=gan,smoke".
      smoke: whether every config is shrunk to seconds.
    """

    name: str
    load: Callable[[str], ml_collections.ConfigDict]
    smoke: bool = False

    def grid(
        self,
        axes: Mapping[str, Sequence[Any]],
        settings: Mapping[str, Any] | None = None,
    ) -> Configs:
        """Makes a config of every combination.

        Args:
          axes: {"method", "recipe" or a full key ("seed", "train.batch"): its values}.
          settings: {full key: value} for all of them.

        Where configs are shrunk to seconds, lengths in `settings` do not prolong them.

        Returns:
          {name: config}, with names like "classifier-seed1", "gan-batch16-seed0".

        Raises:
          InputError: an axis has no values, a key is unknown, or two names are equal.
        """
        for key, values in axes.items():
            if not values:
                raise InputError(
                    f"the axis {key!r} of a sweep has no values: name some"
                )
        named_configs: Configs = {}
        for values in itertools.product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            name = "-".join(filter(None, itertools.starmap(_name_part, chosen.items())))
            if name in named_configs:
                raise InputError(f"two configs of a sweep have the name {name!r}")
            named_configs[name] = self._config(chosen, settings or {})
        return named_configs

    def hold_out(self, named_configs: Configs) -> Configs:
        """Sets records to hold out in every config, for methods without labels too."""
        for config in named_configs.values():
            config.train.hold_out = config.train.hold_out or HELD_OUT
        return named_configs

    def without_each_channel(self, named_configs: Configs) -> Configs:
        """Adds to every config one without each of its channels.

        They follow their config: "classifier-seed0-without-Actin". For
        --job=channel_importance, which compares their scores.

        Raises:
          InputError: a config has one channel, or two names are equal.
        """
        all_configs: Configs = {}
        for name, config in named_configs.items():
            for reduced_name, reduced in _lacking(name, config).items():
                if reduced_name in all_configs:
                    raise InputError(
                        f"two configs of a sweep have the name {reduced_name!r}"
                    )
                all_configs[reduced_name] = reduced
        return all_configs

    def _config(
        self, chosen: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> ml_collections.ConfigDict:
        options = [f"{key}={chosen[key]}" for key in FILE_AXES if chosen.get(key)]
        config = self.load(",".join([*options, *["smoke"] * self.smoke]))
        key_values = {
            key: value for key, value in chosen.items() if key not in FILE_AXES
        }
        lengths = {key: config.train[key] for key in LENGTHS}
        configs.set_keys(config, {**settings, **key_values})
        if self.smoke:
            config.sweep.minutes = 0.0
            for key, length in lengths.items():
                config.train[key] = min(length, config.train[key])
        return config


def _lacking(name: str, config: ml_collections.ConfigDict) -> Configs:
    """Returns a config, and the same without each of its channels, by name."""
    channels = _channels(config)
    if len(channels) < 2:
        raise InputError(
            f"the config {name} has one channel, {channels[0]}, and nothing is left "
            "without it: name more in config.data.channels"
        )
    named_configs = {name: config}
    for channel in channels:
        reduced = config.copy_and_resolve_references()
        reduced.data.channels = tuple(
            name_of_channel
            for name_of_channel in channels
            if name_of_channel != channel
        )
        named_configs[f"{name}-without-{_word(channel)}"] = reduced
    return named_configs


def _channels(config: ml_collections.ConfigDict) -> tuple[str, ...]:
    """Returns the channels of a config's networks; no prepared screen is needed."""
    channels = config.data.channels or config.screen.channels  # of a custom screen
    if channels:
        return channels
    spec = modules.load("screens", config.data.name).SCREEN
    return (spec(config) if callable(spec) else spec).channels


def _name_part(key: str, value: Any) -> str:
    """Returns a value's part of a config's name; method and recipe need no key."""
    if key in FILE_AXES:
        return str(value)
    text = "+".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return _word(f"{key.rpartition('.')[2]}{text}")


def _word(text: str) -> str:
    """Makes a text suitable for a folder's name and a command line."""
    return re.sub(r"[^\w.+-]+", "_", text)
