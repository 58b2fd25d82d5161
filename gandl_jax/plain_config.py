"""A config that is only read, without ml_collections.

Methods read `config.group.key`; an encoder file stores no more of a config.
"""

import types
from collections.abc import Mapping
from typing import Any

from gandl_jax import config as configs
from gandl_jax.errors import InputError


class Group(types.SimpleNamespace):
    """Keys of a config as attributes, and as `group[key]`."""

    def __getitem__(self, key: str) -> Any:
        """Returns the value of a key."""
        return getattr(self, key)

    def __contains__(self, key: str) -> bool:
        """Whether the group has a key."""
        return key in vars(self)


def read(stored: Mapping[str, Any], *, origin: str) -> Group:
    """Makes a config from its flat form; newer keys have their defaults.

    Args:
      stored: {full key, such as "model.width": value}, as from `config.plain`.
      origin: name of their file or encoder, for the message.

    Raises:
      InputError: the method, or a key, is of a later version.
    """
    tree = configs.every_key(stored["method.name"])
    stored = configs.with_present_keys(stored, stored["method.name"])
    unknown = sorted(stored.keys() - configs.flatten(tree).keys())
    if unknown:
        raise InputError(
            f"{origin} sets {unknown[0]}, which this version does not know: install "
            "the version that wrote it, or a later one"
        )
    return _group(tree, stored)


def _group(tree: Mapping[str, Any], stored: Mapping[str, Any], prefix: str = ""):
    group = Group()
    for key, default in tree.items():
        full_key = prefix + key
        if configs.is_group(default):
            value = _group(default, stored, f"{full_key}.")
        else:
            value = stored.get(full_key, default)
        setattr(group, key, tuple(value) if isinstance(value, list) else value)
    return group
