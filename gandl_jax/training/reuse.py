"""Feature sets of other workdirs that are the same: copied, not made again.

Of one screen, plain intensities are the same in every workdir, and an untrained network
is the same in all that differ in how they go on.
"""

from collections.abc import Mapping
from typing import Any

from etils import epath

from gandl_jax import config as configs
from gandl_jax import files
from gandl_jax import workdir as workdirs
from gandl_jax.profiles import part_file, store


def copy_parts(config, directory: epath.Path) -> None:
    """Copies the parts of a set that one of `config.embed.reuse` has complete.

    Whatever is copied is held against its digest when it is asked for.

    Args:
      config: of the experiment.
      directory: profiles/<dataset>/<encoder>, which says what it is made from.
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
    """The same set in one of `config.embed.reuse`, complete; None where none has it.

    Args:
      config: of the experiment.
      directory: profiles/<dataset>/<encoder>, which need not be there.
      made_from: what it is made from.
    """
    for place in map(epath.Path, config.embed.reuse):
        source = place / "profiles" / directory.parent.name / directory.name
        if _is_same(config, place, source, made_from):
            return source
    return None


def _is_same(
    config, place: epath.Path, source: epath.Path, made_from: Mapping[str, Any]
) -> bool:
    """Whether a set is complete, and made from the same in the same way."""
    if not source.is_dir() or not store.is_complete(source):
        return False
    if store.made_from(source) != made_from:
        return False
    return _reading(workdirs.read_config(place)) == _reading(config)


def _reading(config) -> dict[str, Any]:
    """How records are read and what is said of them, flat."""
    identity = configs.identity(config) | configs.screen_description(config)
    kept = ("data.", "screen.", "train.hold_out")
    labels = ("data.label", "data.label_values", "data.label_rest")
    return {
        key: value
        for key, value in identity.items()
        if key.startswith(kept) and key not in labels
    }
