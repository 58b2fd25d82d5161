"""Networks in .npz files, and the assignment of their channels to a screen's.

Imports nothing slow.
"""

import contextlib
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, BinaryIO

from etils import epath

from gandl_jax import files, modules
from gandl_jax.errors import InputError, nearest

MEAN = "mean"  # of all channels, instead of one


def is_file(value: str) -> bool:
    """Whether a config value names an .npz file, not a workdir."""
    return value.endswith(".npz")


def weights_module(config) -> ModuleType:
    """Returns the module that reads network files of the config's method.

    Raises:
      InputError: no file holds networks of this method.
    """
    module = modules.part("methods", config.method.name, "weights")
    if module is None:
        raise InputError(
            f"networks of config.method.name={config.method.name} are not read from "
            "files: name a workdir"
        )
    return module


def read(config, path: str) -> tuple[Any, Any]:
    """Reads both networks of a file, and their sizes.

    Raises:
      InputError: the file is missing, damaged, or lacks the method's two networks.
    """
    with _opened(path) as file:
        return weights_module(config).read(file, path)


def read_encoder(config, path: str) -> tuple[Any, Any]:
    """Reads the encoder of a file, and its sizes.

    Raises:
      InputError: the file is missing, damaged, or holds no encoder of the method.
    """
    with _opened(path) as file:
        return weights_module(config).read_encoder(file, path)


def fingerprint(path: str) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    return files.sha256(_found(path))


def numbered(count: int) -> list[str]:
    """Returns names for the channels of a file, which has none: their numbers."""
    return [str(number) for number in range(count)]


def sources(
    key: str,
    wanted: Sequence[str],
    screen_channels: Sequence[str],
    network_channels: Sequence[str],
) -> tuple[int | None, ...]:
    """Returns the networks' channel that stands for each channel of the screen.

    Args:
      key: of the config, for messages.
      wanted: its value: one of `network_channels`, or "mean", for each of
        `screen_channels`.
      screen_channels: names of the screen's channels, in the network's order.
      network_channels: names, or numbers from 0, of the networks' channels.

    Returns:
      The index in `network_channels` for each of `screen_channels`; None is the mean of
      all.

    Raises:
      InputError: the number of names is wrong, or a name is none of `network_channels`.
    """
    if len(wanted) != len(screen_channels):
        raise InputError(
            f"config.{key}={','.join(wanted)} should have one word for each of the "
            f"channels {', '.join(screen_channels)}: of {', '.join(network_channels)} "
            f"or {MEAN}"
        )
    for name in wanted:
        if name not in (*network_channels, MEAN):
            raise InputError(
                f"config.{key} names {name!r}, which the other networks have not: "
                f"{nearest(name, [*network_channels, MEAN])}"
            )
    return tuple(
        None if name == MEAN else network_channels.index(name) for name in wanted
    )


def sources_in_file(
    key: str, wanted: Sequence[str], screen_channels: Sequence[str], count: int
) -> tuple[int | None, ...]:
    """Returns `sources` of a file's channels.

    Without names, channels correspond in order; if their number differs, each is the
    mean of all.
    """
    network_channels = numbered(count)
    is_same = count == len(screen_channels)
    usual = network_channels if is_same else [MEAN] * len(screen_channels)
    return sources(key, wanted or usual, screen_channels, network_channels)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    with files.reading(_found(path)) as file:
        try:
            files.check_unpacked(file)
        except ValueError as error:
            raise InputError(
                f"{path} is no file of networks ({error}): export them again "
                "(docs/weights.md)"
            ) from error
        yield file


def _found(name: str) -> epath.Path:
    path = epath.Path(name)
    files.check_regular(path)
    if not path.is_file():
        raise InputError(f"there is no file {name}: name an .npz file, or a workdir")
    return path
