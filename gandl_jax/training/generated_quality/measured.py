"""Features of images in the spaces that were opened, without keeping the images."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from gandl_jax import modules
from gandl_jax.errors import InputError
from gandl_jax.methods.fixed_features import ALL as ALL
from gandl_jax.training.generated_quality.space_names import FOLDER, names

Features = dict[int, np.ndarray]  # ALL or a channel's number to [N, D]


def usable(chosen: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of the spaces that can be opened here, and why each other cannot.

    Args:
      chosen: names; () is all that are installed, and the others are only told of.

    Raises:
      InputError: one that was chosen is not installed.
    """
    spaces, missing = [], []
    for name in chosen or names():
        if why := modules.load(FOLDER, name).missing():
            if chosen:
                raise InputError(why)
            missing.append(why)
        else:
            spaces.append(name)
    return spaces, missing


@dataclasses.dataclass(frozen=True)
class Space:
    """A space that is open.

    Attributes:
      name: of its module.
      most: images of each kind that are measured at most.
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
    """What the features of a space depend on besides the images, in words."""
    return modules.load(FOLDER, name).version()


def measure(
    batches: Iterable[np.ndarray], spaces: Sequence[Space], count: int
) -> dict[str, Features]:
    """Features of the first images of batches, by the names of the spaces.

    Args:
      batches: of [B, px, px, C], all of one size, with `count` images at least.
      spaces: that measure, each at most its `most`.
      count: images that are wanted.
    """
    parts: dict[str, list[Mapping[int, np.ndarray]]] = {s.name: [] for s in spaces}
    batches, done = iter(batches), 0
    while done < count:
        images = next(batches)
        for space in spaces:
            left = min(count, space.most) - done
            # A network compiles for whole batches; measurements are of single images.
            if left > 0:
                found = space.features(images)
                parts[space.name].append(
                    {k: np.asarray(x)[:left] for k, x in found.items()}
                )
        done += len(images)
    return {
        name: {key: np.concatenate([one[key] for one in some]) for key in some[0]}
        for name, some in parts.items()
    }
