"""Opens an .npz file of a StyleGAN2 and refuses what is none, or is damaged."""

import dataclasses
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import BinaryIO

import numpy as np

from gandl_jax.errors import InputError
from gandl_jax.models.stylegan2 import npz_weights
from gandl_jax.models.stylegan2.npz_weights import Architecture

PREFIXES = {  # of names in the file, the first that is there
    "generator": ("generator/", "G_ema/", "G/"),
    "discriminator": ("discriminator/", "D/"),
}
BUFFERS = ("noise_const", "resample_filter")  # which training does not move
FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64  # the one we resample by
AGAIN = "export the networks again (docs/weights.md)"
_BROKEN = (  # what NumPy and zipfile raise for flipped, lacking or encrypted bytes
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    EOFError,
    RuntimeError,
    MemoryError,  # a shape that is damaged
)


@dataclasses.dataclass(frozen=True)
class StateDict:
    """One network's arrays.

    Attributes:
      file: where they are from, for messages.
      prefix: before each name in the file.
      arrays: name to array, as stylegan2-ada-pytorch has them.
      sizes: as their shapes say.
    """

    file: str
    prefix: str
    arrays: Mapping[str, np.ndarray]
    sizes: Architecture


def read(file: BinaryIO, name: str, parts: Iterable[str]) -> dict[str, StateDict]:
    """Reads networks whole.

    Args:
      file: the open .npz file.
      name: of it, for messages.
      parts: "generator", "discriminator": those that are wanted.

    Returns:
      Part to its arrays, all finite and of the shapes that the sizes ask for.

    Raises:
      InputError: damaged, no StyleGAN2, or without a part.
    """
    try:
        # np.load would first read whole what is one array, however large
        archive = np.lib.npyio.NpzFile(file, allow_pickle=False)
        found = {part: _named(archive.files, part) for part in parts}
        loaded = {
            part: {own: archive[theirs] for own, theirs in names.items()}
            for part, names in found.items()
        }
    except _BROKEN as error:
        raise InputError(f"{name} is damaged, or no .npz file: {AGAIN}") from error
    made = {}
    for part, arrays in loaded.items():
        if not arrays:
            raise InputError(
                f"{name} holds no {part} under stylegan2-ada-pytorch's names: {AGAIN}"
            )
        own, theirs = next(iter(found[part].items()))
        made[part] = _checked(name, part, theirs.removesuffix(own), arrays)
    return made


def first_difference(
    ours: Architecture, theirs: Architecture, parts: Iterable[str]
) -> tuple[str, tuple[int, ...] | None, tuple[int, ...] | None] | None:
    """The first array whose shape is another, whatever the channels of the image.

    Args:
      ours: sizes that are wanted.
      theirs: sizes that there are.
      parts: "generator", "discriminator": those that count.

    Returns:
      Its name with its part, their shape and ours, None where it is not there; or None.
    """
    ours = dataclasses.replace(ours, channels=theirs.channels)
    for part in parts:
        wanted, found = _shapes(part, ours), _shapes(part, theirs)
        for name in {**found, **wanted}:
            if found.get(name) != wanted.get(name):
                return f"{part}/{name}", found.get(name), wanted.get(name)
    return None


def _named(names: Iterable[str], part: str) -> dict[str, str]:
    """The names of one network, without the prefix, and as the file has them."""
    for prefix in PREFIXES[part]:
        found = {n.removeprefix(prefix): n for n in names if n.startswith(prefix)}
        if found:
            return found
    generator = [n for n in names if n.startswith(("synthesis.", "mapping."))]
    if not any(name.startswith("synthesis.") for name in generator):
        generator = []  # a mapping network alone is a discriminator's
    mine = generator
    if part == "discriminator":
        mine = [n for n in names if re.match(r"(b\d+|mapping)\.", n)]
        mine = [name for name in mine if name not in generator]
    return {name: name for name in mine}


def _checked(
    file: str, part: str, prefix: str, arrays: Mapping[str, np.ndarray]
) -> StateDict:
    measure = {
        "generator": npz_weights.architecture,
        "discriminator": npz_weights.discriminator_architecture,
    }
    try:
        sizes = measure[part](arrays)
    except InputError as error:
        raise InputError(f"{file} cannot be read as a {part}: {error}") from error
    wanted = _shapes(part, sizes)
    for name in wanted:
        if name not in arrays:
            raise InputError(f"{file} lacks {prefix}{name}: {AGAIN}")
    for name, array in arrays.items():
        _check_array(f"{file}: {prefix}{name}", name, array, wanted)
    return StateDict(file, prefix, arrays, sizes)


def _check_array(
    where: str, name: str, array: np.ndarray, wanted: Mapping[str, tuple[int, ...]]
) -> None:
    kind = name.rpartition(".")[2]
    if kind == "resample_filter":
        if array.shape != FILTER.shape or not np.allclose(array, FILTER, atol=1e-6):
            raise InputError(
                f"{where} is not the filter [1, 3, 3, 1], which is the only one here: "
                "take a network that was trained with it"
            )
    elif kind in BUFFERS:
        return
    elif name not in wanted:
        raise InputError(
            f"{where} is no part of a StyleGAN2 with a skip generator and a residual "
            "discriminator, which is the only kind here: take one of that kind"
        )
    elif array.shape != wanted[name]:
        raise InputError(
            f"{where} has the shape {list(array.shape)}, its neighbours ask for "
            f"{list(wanted[name])}: {AGAIN}"
        )
    elif not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{where} holds {array.dtype}, not numbers: {AGAIN}")
    elif not np.isfinite(array).all():
        raise InputError(f"{where} holds values that are not finite: {AGAIN}")


def _shapes(part: str, sizes: Architecture) -> dict[str, tuple[int, ...]]:
    if part == "generator":
        return npz_weights.generator_shapes(sizes)
    return npz_weights.discriminator_shapes(sizes)
