"""Reads an .npz file of a StyleGAN2, and refuses other files and damaged ones."""

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

PREFIXES = {  # of names in the file; the first found is used
    "generator": ("generator/", "G_ema/", "G/"),
    "discriminator": ("discriminator/", "D/"),
}
BUFFERS = ("noise_const", "resample_filter")  # arrays that are not trained
FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64  # of our resampling
AGAIN = "export the networks again (docs/weights.md)"
_BROKEN = (  # raised by NumPy and zipfile for damaged, missing or encrypted bytes
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
    """The arrays of one network.

    Attributes:
      file: name of the file, for messages.
      prefix: of each name in the file.
      arrays: {name in stylegan2-ada-pytorch: array}.
      sizes: derived from their shapes.
    """

    file: str
    prefix: str
    arrays: Mapping[str, np.ndarray]
    sizes: Architecture


def read(file: BinaryIO, name: str, networks: Iterable[str]) -> dict[str, StateDict]:
    """Reads whole networks.

    Args:
      file: the open .npz file.
      name: of the file, for messages.
      networks: names of the networks to read: "generator", "discriminator".

    Returns:
      {network: its arrays}, all finite and of the shapes that the sizes require.

    Raises:
      InputError: the file is damaged, holds no StyleGAN2, or lacks a network.
    """
    try:
        # np.load would first read a whole file of one array, however large.
        archive = np.lib.npyio.NpzFile(file, allow_pickle=False)
        names_of = {network: _named(archive.files, network) for network in networks}
        loaded = {
            network: {
                plain_name: archive[file_name]
                for plain_name, file_name in names.items()
            }
            for network, names in names_of.items()
        }
    except _BROKEN as error:
        raise InputError(f"{name} is damaged, or no .npz file: {AGAIN}") from error
    state_dicts = {}
    for network, arrays in loaded.items():
        if not arrays:
            raise InputError(
                f"{name} holds no {network} under stylegan2-ada-pytorch's names: "
                f"{AGAIN}"
            )
        plain_name, file_name = next(iter(names_of[network].items()))
        state_dicts[network] = _checked(
            name, network, file_name.removesuffix(plain_name), arrays
        )
    return state_dicts


def first_difference(
    our_sizes: Architecture, their_sizes: Architecture, networks: Iterable[str]
) -> tuple[str, tuple[int, ...] | None, tuple[int, ...] | None] | None:
    """Finds the first array whose shape differs; the number of channels may differ.

    Args:
      our_sizes: sizes of the config's networks.
      their_sizes: sizes of the file's networks.
      networks: names of the networks to compare: "generator", "discriminator".

    Returns:
      (its name with its network, the file's shape, the config's shape), None for a
      missing array; or None if all agree.
    """
    our_sizes = dataclasses.replace(our_sizes, channels=their_sizes.channels)
    for network in networks:
        our_shapes, their_shapes = (
            _shapes(network, our_sizes),
            _shapes(network, their_sizes),
        )
        for name in {**their_shapes, **our_shapes}:
            if their_shapes.get(name) != our_shapes.get(name):
                return f"{network}/{name}", their_shapes.get(name), our_shapes.get(name)
    return None


def _named(names: Iterable[str], network: str) -> dict[str, str]:
    """Returns {name without prefix: name in the file} of one network."""
    for prefix in PREFIXES[network]:
        stripped = {
            name.removeprefix(prefix): name for name in names if name.startswith(prefix)
        }
        if stripped:
            return stripped
    generator = [name for name in names if name.startswith(("synthesis.", "mapping."))]
    if not any(name.startswith("synthesis.") for name in generator):
        generator = []  # without synthesis, a mapping belongs to a discriminator
    network_names = generator
    if network == "discriminator":
        network_names = [name for name in names if re.match(r"(b\d+|mapping)\.", name)]
        network_names = [name for name in network_names if name not in generator]
    return {name: name for name in network_names}


def _checked(
    file: str, network: str, prefix: str, arrays: Mapping[str, np.ndarray]
) -> StateDict:
    measure = {
        "generator": npz_weights.architecture,
        "discriminator": npz_weights.discriminator_architecture,
    }
    try:
        sizes = measure[network](arrays)
    except InputError as error:
        raise InputError(f"{file} cannot be read as a {network}: {error}") from error
    wanted = _shapes(network, sizes)
    for name in wanted:
        if name not in arrays:
            raise InputError(f"{file} lacks {prefix}{name}: {AGAIN}")
    for name, array in arrays.items():
        _check_array(f"{file}: {prefix}{name}", name, array, wanted)
    return StateDict(file, prefix, arrays, sizes)


def _check_array(
    where: str, name: str, array: np.ndarray, wanted: Mapping[str, tuple[int, ...]]
) -> None:
    variable = name.rpartition(".")[2]
    if variable == "resample_filter":
        if array.shape != FILTER.shape or not np.allclose(array, FILTER, atol=1e-6):
            raise InputError(
                f"{where} is not the filter [1, 3, 3, 1], which is the only one here: "
                "take a network that was trained with it"
            )
    elif variable in BUFFERS:
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


def _shapes(network: str, sizes: Architecture) -> dict[str, tuple[int, ...]]:
    if network == "generator":
        return npz_weights.generator_shapes(sizes)
    return npz_weights.discriminator_shapes(sizes)
