"""Requirements of the set "classical": a library, and a channel of nuclei."""

import importlib.util

from gandl_jax.errors import InputError
from gandl_jax.raw import screen

INSTALL = "pip install --no-deps -r launch/classical.txt"
_LIBRARIES = ("cp_measure", "numba", "skimage")


def check(config) -> None:
    """Refuses a config whose set "classical" cannot be made; imports nothing slow.

    Args:
      config: of the experiment; its data, screen and evaluate are read.

    Raises:
      InputError: no such channel of nuclei, or the set is on and the library is
        missing.
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
    """Whether the measuring libraries are installed."""
    return all(map(importlib.util.find_spec, _LIBRARIES))
