"""Features of images in open spaces, computed without keeping the images."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from gandl_jax import modules
from gandl_jax.errors import InputError
from gandl_jax.methods.fixed_features import ALL as ALL
from gandl_jax.training.generated_quality.space_names import FOLDER, names

Features = dict[int, np.ndarray]  # ALL or a channel's number to [N, D]


def usable(chosen: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the spaces that can be opened here, and why each other cannot.

    Args:
      chosen: names; () is all installed ones, and for the others reasons are returned.

    Raises:
      InputError: a chosen space is not installed.
    """
    spaces, reasons = [], []
    for name in chosen or names():
        if reason := modules.load(FOLDER, name).missing():
            if chosen:
                raise InputError(reason)
            reasons.append(reason)
        else:
            spaces.append(name)
    return spaces, reasons


@dataclasses.dataclass(frozen=True)
class Space:
    """Space that is open.

    Attributes:
      name: of its module.
      most: limit of images of each set that are measured.
      features: function of images [B, px, px, C] in [-1, 1] to `Features`.
    """

    name: str
    most: int
    features: Callable[[np.ndarray], Mapping[int, np.ndarray]]


def open_space(name: str, channels: tuple[str, ...], px: int) -> Space:
    """Opens a space by its name.

    Args:
      name: of its module.
      channels: C names.
      px: side of the images.
    """
    module = modules.load(FOLDER, name)
    features = module.open_space(channels, px)
    return Space(name, module.MOST, features)


def version(name: str) -> str:
    """Describes what the features of a space depend on besides the images."""
    return modules.load(FOLDER, name).version()


def measure(
    batches: Iterable[np.ndarray], spaces: Sequence[Space], count: int
) -> dict[str, Features]:
    """Measures the first images of batches, by the names of the spaces.

    Args:
      batches: of [B, px, px, C], all of one size, with at least `count` images.
      spaces: that measure, each at most its `most` images.
      count: wanted images.

    Returns:
      Name of a space to its features of the images.
    """
    parts: dict[str, list[Mapping[int, np.ndarray]]] = {s.name: [] for s in spaces}
    batches, done = iter(batches), 0
    while done < count:
        images = next(batches)
        for space in spaces:
            remaining = min(count, space.most) - done
            # A network compiles for whole batches; measurements are of single images.
            if remaining > 0:
                features = space.features(images)
                parts[space.name].append(
                    {key: np.asarray(x)[:remaining] for key, x in features.items()}
                )
        done += len(images)
    return {
        name: {
            key: np.concatenate([batch[key] for batch in batches_of_space])
            for key in batches_of_space[0]
        }
        for name, batches_of_space in parts.items()
    }
