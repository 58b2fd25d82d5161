"""An encoder in one file: weights, config, channels, levels and provenance.

The file is a .safetensors; all but the arrays is JSON in its header, with a digest of
the whole. Embedding with it needs JAX, Flax and NumPy only.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import jax
import jax.numpy as jnp
import numpy as np

import gandl_jax
from gandl_jax import files, parallel, plain_data, tensor_file
from gandl_jax.errors import InputError
from gandl_jax.methods.source import Source
from gandl_jax.reading.stretching import Levels
from gandl_jax.training.array_encoder import ArrayEncoder

ENDING = ".safetensors"
FORM, NOW = "gandl_jax_encoder", "1"  # in the header; later forms have other numbers
VERSION, ABOUT, DIGEST = "gandl_jax_version", "about", "sha256"
WEIGHTS, LEVELS = "weights", "levels"  # prefixes of the names of arrays
MOST_BYTES = 2**31  # of a file; DenseNet-161 takes 115 MB (ours)
# Raised by reading damaged files.
_BROKEN = ValueError, KeyError, TypeError, MemoryError, OverflowError
_PER_COLUMN = {str: [(str, int)]}
_SHAPE = {
    "name": str,
    "settings": {str: (str, int, float, bool, [(str, float)])},
    "source": {
        "channels": [str],
        "classes": _PER_COLUMN,
        "class_counts": _PER_COLUMN,
        "blanks": {str: int},
        "records": int,
    },
    "bit_depth": int,
    "plates": [str],
    "provenance": {str: object},
}


def is_file(name: str) -> bool:
    """Whether a name is that of an encoder file, not of a workdir."""
    return name.endswith(ENDING)


def write(path: Any, encoder: ArrayEncoder) -> None:
    """Writes an encoder, whole or not at all, without weights that it does not use.

    Args:
      path: of the file; its folder must exist.
      encoder: to be written.
    """
    arrays = _used_weights(encoder) | _levels(encoder.levels)
    about = {
        "name": encoder.name,
        "settings": dict(encoder.settings),
        "source": dataclasses.asdict(encoder.source),
        "bit_depth": encoder.bit_depth,
        "plates": list(encoder.plates),
        "provenance": dict(encoder.provenance),
    }
    texts = {FORM: NOW, VERSION: gandl_jax.__version__, ABOUT: json.dumps(about)}
    texts[DIGEST] = _digest(texts[ABOUT], arrays)
    with files.replacing(path) as file:
        tensor_file.write(file, arrays, texts)


def read(path: str) -> ArrayEncoder:
    """Reads an encoder.

    Raises:
      InputError: the file does not exist, holds no encoder, is damaged, or was written
        by a later version.
    """
    try:
        with files.reading(path) as file:
            encoder = _read(file, path)
    except FileNotFoundError as error:
        raise InputError(
            f"there is no file {path}: --job=export_encoder writes one"
        ) from error
    _check_fits(encoder, path)
    return encoder


def _read(file: BinaryIO, path: str) -> ArrayEncoder:
    try:
        _check_size(file)
        texts = tensor_file.texts(file)
        _check_form(texts, path)
        arrays = tensor_file.read(file)
        about = _about(texts, arrays)
        return ArrayEncoder(
            name=about["name"],
            settings=about["settings"],
            source=Source.from_plain(about["source"]),
            bit_depth=about["bit_depth"],
            plates=tuple(about["plates"]),
            levels=_stored_levels(_below(arrays, LEVELS)),
            weights=_tree(_below(arrays, WEIGHTS)),
            provenance=about["provenance"],
        )
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        raise InputError(
            f"{path} is damaged ({reason.splitlines()[0][:200]}): copy it again, or "
            "export it again by --job=export_encoder"
        ) from error


def _check_size(file: BinaryIO) -> None:
    size = file.seek(0, 2)
    if size > MOST_BYTES:
        raise ValueError(f"{size:,} bytes, and {MOST_BYTES:,} are the most")


def _check_form(texts: Mapping[str, str], path: str) -> None:
    """Refuses a file that is no encoder's, or that a later version wrote."""
    if FORM not in texts:
        raise InputError(
            f"{path} holds no encoder of gandl_jax: --job=export_encoder writes one"
        )
    if texts[FORM] != NOW:
        raise InputError(
            f"{path} was written by gandl_jax {texts.get(VERSION)}, whose encoder "
            f"files {gandl_jax.__version__} does not read: install that version, or a "
            "later one"
        )


def _about(texts: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> Any:
    if texts[DIGEST] != _digest(texts[ABOUT], arrays):
        raise ValueError("it is not as it was written")
    about = files.parse_json(texts[ABOUT])
    if not plain_data.fits(about, _SHAPE):
        raise ValueError("what it says of itself lacks something")
    return about


def _digest(about: str, arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256, in hex, of a file's text and arrays."""
    digest = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _used_weights(encoder: ArrayEncoder) -> dict[str, np.ndarray]:
    """Returns the arrays that embedding uses, by their paths in the tree."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(encoder.weights)
    used = parallel.used(encoder.embed_site, encoder.weights, encoder.tiles(1))
    return {
        "/".join([WEIGHTS, *(key.key for key in path)]): np.asarray(array)
        for (path, array), is_used in zip(leaves, used, strict=True)
        if is_used
    }


def _tree(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Nests arrays in dictionaries, by their names."""
    tree: dict[str, Any] = {}
    for name, array in arrays.items():
        *groups, last = name.split("/")
        inner = tree
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[last] = jnp.asarray(array)
    return tree


def _levels(levels: Levels) -> dict[str, np.ndarray]:
    return {
        f"{LEVELS}/{key}": np.asarray(value)
        for key, value in vars(levels).items()
        if value is not None
    }


def _stored_levels(arrays: Mapping[str, np.ndarray]) -> Levels:
    levels = Levels(**arrays)
    if levels.ranges.ndim != 3:
        raise ValueError("its levels are none")
    return levels


def _below(arrays: Mapping[str, np.ndarray], group: str) -> dict[str, np.ndarray]:
    start = f"{group}/"
    return {
        name.removeprefix(start): array
        for name, array in arrays.items()
        if name.startswith(start)
    }


def _check_fits(encoder: ArrayEncoder, path: str) -> None:
    """Raises InputError if the weights do not fit this version's network."""
    try:
        encoder.widths()
    except InputError:
        raise
    except Exception as error:  # whatever a network raises at arrays of another one
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path} holds weights that this version's network is not made of "
            f"({reason[:200]}): install the version that wrote it"
        ) from error
