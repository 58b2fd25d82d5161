"""What the set "classical" needs: a library, and the channel that shows nuclei."""

import importlib.util

from gandl_jax.errors import InputError
from gandl_jax.raw import screen

INSTALL = "pip install --no-deps -r launch/classical.txt"
_LIBRARIES = ("cp_measure", "numba", "skimage")


def check(config) -> None:
    """Refuses what cannot be measured; imports nothing slow.

    Args:
      config: data, screen and evaluate are read.

    Raises:
      InputError: no such channel of nuclei, or no library though the set is asked for.
    """
    nuclei = config.evaluate.nuclei
    channels = config.data.channels or screen.load(config).channels
    if nuclei and nuclei not in channels:
        raise InputError(
            f"config.evaluate.nuclei={nuclei!r} is none of the channels, which are "
            f"{', '.join(channels)}: name one of them, or leave it empty"
        )
    if config.evaluate.classical == "on" and not are_installed():
        raise InputError(
            f"config.evaluate.classical=on needs cp-measure: {INSTALL}, or set "
            "--config.evaluate.classical=off"
        )


def are_installed() -> bool:
    """Whether the libraries are here that measure."""
    return all(map(importlib.util.find_spec, _LIBRARIES))
