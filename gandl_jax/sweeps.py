"""Lists of configs that are run and compared together: configs/sweeps/NAME.py.

Such a file defines `get_configs(screen)`, which gives named configs of the screen that
it is asked for, most simply by `Screen.grid`. Imports nothing slow.
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
OF_FILE = ("method", "recipe")  # axes that are options of the screen's config file
HELD_OUT = "plate:0.33"  # where the screen's config says nothing


@dataclasses.dataclass(frozen=True)
class Screen:
    """The screen that a sweep is asked for.

    Attributes:
      name: of its config file, without folder and ending: "demo".
      load: gives the file's config, from options such as "method=gan,smoke".
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
          axes: "method", "recipe" or a full key ("seed", "train.batch") to the values
            that it takes.
          settings: full key to the value that it has in all of them.

        Returns:
          Name to config: "classifier-seed1", "gan-batch16-seed0".

        Raises:
          InputError: an axis without values, an unknown key, or two of one name.
        """
        for key, values in axes.items():
            if not values:
                raise InputError(
                    f"the axis {key!r} of a sweep has no values: name some"
                )
        made: Configs = {}
        for values in itertools.product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            name = "-".join(filter(None, itertools.starmap(_name_part, chosen.items())))
            if name in made:
                raise InputError(f"two configs of a sweep have the name {name!r}")
            made[name] = self._config(chosen, settings or {})
        return made

    def hold_out(self, made: Configs) -> Configs:
        """Gives every config, of methods without labels too, records to hold out."""
        for config in made.values():
            config.train.hold_out = config.train.hold_out or HELD_OUT
        return made

    def without_each_channel(self, made: Configs) -> Configs:
        """Adds to every config one for each of its channels, which lacks that channel.

        Those of one config stand after it: "classifier-seed0-without-Actin". What
        --job=channel_importance asks is how much worse they do.

        Raises:
          InputError: a config has one channel, or two configs have one name.
        """
        grown: Configs = {}
        for name, config in made.items():
            for longer, lacking in _lacking(name, config).items():
                if longer in grown:
                    raise InputError(f"two configs of a sweep have the name {longer!r}")
                grown[longer] = lacking
        return grown

    def _config(
        self, chosen: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> ml_collections.ConfigDict:
        words = [f"{key}={chosen[key]}" for key in OF_FILE if chosen.get(key)]
        config = self.load(",".join([*words, *["smoke"] * self.smoke]))
        own = {key: value for key, value in chosen.items() if key not in OF_FILE}
        configs.set_keys(config, {**settings, **own})
        return config


def _lacking(name: str, config: ml_collections.ConfigDict) -> Configs:
    """A config, and the same without each of its channels, by name."""
    channels = _channels(config)
    if len(channels) < 2:
        raise InputError(
            f"the config {name} has one channel, {channels[0]}, and nothing is left "
            "without it: name more in config.data.channels"
        )
    made = {name: config}
    for channel in channels:
        one = config.copy_and_resolve_references()
        one.data.channels = tuple(other for other in channels if other != channel)
        made[f"{name}-without-{_word(channel)}"] = one
    return made


def _channels(config: ml_collections.ConfigDict) -> tuple[str, ...]:
    """The channels that a config's networks take, whether it is prepared or not."""
    asked = config.data.channels or config.screen.channels  # these of one of one's own
    if asked:
        return asked
    spec = modules.load("screens", config.data.name).SCREEN
    return (spec(config) if callable(spec) else spec).channels


def _name_part(key: str, value: Any) -> str:
    """What a value adds to a config's name; of method and recipe the value says all."""
    if key in OF_FILE:
        return str(value)
    text = "+".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return _word(f"{key.rpartition('.')[2]}{text}")


def _word(text: str) -> str:
    """Text as a part of a folder's name and of a command line."""
    return re.sub(r"[^\w.+-]+", "_", text)
