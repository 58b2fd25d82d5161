"""Paths in a config: expansion of `~`, and refusal of those that libraries misread."""

import os
import re

import ml_collections

from gandl_jax.errors import InputError

FILES = (
    "data.source_dir",
    "data.dir",
    "generate.dir",
    "imported.file",
    "sweep.results",
)
NETWORKS = ("train.start_from", "embed.checkpoint")  # workdirs, or .npz files
WORKDIRS = ("compare.workdirs", "data.extra", "embed.reuse")  # and other folders
_SCHEMES = {"gs", "s3", "az", "hf"}  # that etils takes for those of buckets
_NO_TEXT = re.compile(r"[\ud800-\udfff]")  # bytes that are no UTF-8


def expand(path: str) -> str:
    """Expands `~` or `~NAME` at the start of a path, as a shell does.

    A shell does so only at the start of a word, not after `--flag=`.
    """
    return os.path.expanduser(path)


def expand_all(config: ml_collections.ConfigDict) -> None:
    """Expands all paths of a config, in place."""
    for key in (*FILES, *NETWORKS):
        group, name = key.split(".")
        config[group][name] = expand(config[group][name])
    for key in WORKDIRS:
        group, name = key.split(".")
        config[group][name] = tuple(map(expand, config[group][name]))


def check_all(config: ml_collections.ConfigDict, workdir: os.PathLike) -> None:
    """Raises InputError for paths that a library cannot use or would misread."""
    _check("--workdir", os.fspath(workdir), holds_checkpoints=True)
    for key in FILES:
        group, name = key.split(".")
        _check(f"config.{key}", config[group][name])
    for key in NETWORKS:
        group, name = key.split(".")
        path = config[group][name]
        _check(f"config.{key}", path, holds_checkpoints=not path.endswith(".npz"))
    for key in WORKDIRS:
        group, name = key.split(".")
        for path in config[group][name]:
            _check(f"config.{key}", path)


def _check(name: str, path: str, *, holds_checkpoints: bool = False) -> None:
    scheme, is_address, _ = path.partition("://")
    if is_address and scheme not in _SCHEMES:
        raise InputError(
            f"{name}={path} is an address that cannot be opened: name a folder or a "
            "bucket; addresses of OME-Zarr plates go into a file plates.txt in the "
            "folder that config.data.source_dir names"
        )
    if not path or is_address:
        return
    whole = os.path.abspath(path)
    parts = whole.split("/")[1:]
    if _NO_TEXT.search(whole):
        why = "is not written in UTF-8, which TensorFlow cannot open"
    elif parts[0] in _SCHEMES:
        why = f"lies in /{parts[0]}, which is taken for {parts[0]}:// (a bucket)"
    elif any(f"{scheme}:" in parts for scheme in _SCHEMES):
        why = "has a folder in it whose name is taken for that of a bucket"
    elif holds_checkpoints and "\\" in whole:
        why = "has a backslash in it, which TensorStore takes for a folder's end"
    else:
        return
    raise InputError(f"{name}={path} {why}: rename that folder, or use another")
