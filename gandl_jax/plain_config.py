"""A config that is only read, where ml_collections need not be installed.

Methods ask a config for `config.group.key`; an encoder's file keeps no more of it.
"""

import types
from collections.abc import Mapping
from typing import Any

from gandl_jax import config as configs
from gandl_jax.errors import InputError


class Group(types.SimpleNamespace):
    """Keys of a config as attributes, and as `group[key]`."""

    def __getitem__(self, key: str) -> Any:
        """The value of a key."""
        return getattr(self, key)

    def __contains__(self, key: str) -> bool:
        """Whether it has a key."""
        return key in vars(self)


def read(stored: Mapping[str, Any], *, of: str) -> Group:
    """A config from its flat form; what was added since has its default.

    Args:
      stored: full key ("model.width") to value, as `config.plain` gives them.
      of: what they were read from, for the message.

    Raises:
      InputError: the method, or a key, is of a later version.
    """
    tree = configs.every_key(stored["method.name"])
    stored = configs.with_keys_of_now(stored, stored["method.name"])
    strange = sorted(stored.keys() - configs.flatten(tree).keys())
    if strange:
        raise InputError(
            f"{of} sets {strange[0]}, which this version does not know: install the "
            "version that wrote it, or a later one"
        )
    return _group(tree, stored)


def _group(tree: Mapping[str, Any], stored: Mapping[str, Any], prefix: str = ""):
    made = Group()
    for key, default in tree.items():
        full = prefix + key
        if configs.is_group(default):
            value = _group(default, stored, f"{full}.")
        else:
            value = stored.get(full, default)
        setattr(made, key, tuple(value) if isinstance(value, list) else value)
    return made
