"""Feature sets that are copied from other workdirs instead of made again.

Intensities of a screen are the same in every workdir, and an untrained network is the
same in all workdirs that differ only in its training.
"""

from collections.abc import Mapping
from typing import Any

from etils import epath

from gandl_jax import config as configs
from gandl_jax import files
from gandl_jax import workdir as workdirs
from gandl_jax.profiles import part_file, store

TRAINING_KEYS = (  # labels, and how often records are shown
    "data.label",
    "data.label_values",
    "data.label_rest",
    "data.extra",
    "data.extra_frac",
    "data.oversample",
)


def copy_parts(config, directory: epath.Path) -> None:
    """Copies a set that one of `config.embed.reuse` has complete.

    Digests of the copies are checked when they are read.

    Args:
      config: of the experiment.
      directory: profiles/<dataset>/<encoder>, begun.
    """
    source = find(config, directory, store.made_from(directory))
    if source is None:
        return
    for path in part_file.listed(source):
        part_file.copy(path, directory)
    if (source / store.SUMMARY).exists():
        summary = files.read_bytes(source / store.SUMMARY)
        files.replace(directory / store.SUMMARY, summary)
    print(f"{directory} is copied from {source}", flush=True)


def find(
    config, directory: epath.Path, made_from: Mapping[str, Any]
) -> epath.Path | None:
    """Finds the same set, complete, in one of `config.embed.reuse`; else None.

    Args:
      config: of the experiment.
      directory: profiles/<dataset>/<encoder>, which need not exist.
      made_from: the set's note of what it is made from.
    """
    for workdir in map(epath.Path, config.embed.reuse):
        source = workdir / "profiles" / directory.parent.name / directory.name
        if _is_same(config, workdir, source, made_from):
            return source
    return None


def _is_same(
    config, workdir: epath.Path, source: epath.Path, made_from: Mapping[str, Any]
) -> bool:
    """Whether a set is complete, and made from the same records in the same way."""
    if not source.is_dir() or not store.is_complete(source):
        return False
    if store.made_from(source) != made_from:
        return False
    return _reading(workdirs.read_config(workdir)) == _reading(config)


def _reading(config) -> dict[str, Any]:
    """Settings of how records are read and described, flat."""
    identity = configs.identity(config) | configs.screen_description(config)
    kept = ("data.", "screen.", "train.hold_out")
    return {
        key: value
        for key, value in identity.items()
        if key.startswith(kept) and key not in TRAINING_KEYS
    }
