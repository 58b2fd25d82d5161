"""Contents of a workdir as data frames."""

from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, nearest
from gandl_jax.judging import task_results
from gandl_jax.profiles import feature_set, frames, store
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.raw import screen
from gandl_jax.reading import labelling

JOB = "profiles"


def feature_sets(workdir: Any) -> list[str]:
    """Names the feature sets of a workdir, the trained encoder's first.

    Args:
      workdir: with profiles.

    Returns:
      Full names: "gan@500/b64", "intensity".

    Raises:
      InputError: no workdir, or none with profiles.
    """
    _, folders = _folders(epath.Path(workdir))
    return list(_named(folders))


def profiles(workdir: Any, features: str = "") -> pd.DataFrame:
    """Reads the profiles of a workdir, one row per record (site, or cell).

    Args:
      workdir: with profiles, from --job=embed or --job=import.
      features: full name of a set, of `feature_sets`; "" is the trained encoder's
        set that the report shows first.

    Returns:
      [N] rows: the `Metadata_*` columns as the screen describes its records now,
      "seen_images" and "seen_labels" (what the encoder saw of each in its training),
      and `<set>__<i>` float32.

    Raises:
      InputError: no workdir, no such set, or one that is not complete.
    """
    folder = epath.Path(workdir)
    config, folders = _folders(folder)
    sets = _named(folders)
    name = features or _headline(sets, config.evaluate.features)
    if name not in sets:
        raise InputError(
            f"{workdir} has no feature set {name!r}; {nearest(name, sets)}"
        )
    dataset = screen.load(config).name
    records = task_results.records(JOB, config, dataset)
    if records is None:
        labelling.check_written(config, folder, dataset)
    directory, short_name = sets[name]
    return frames.to_frame(AlignedSets([directory], short_name, records)[name])


def _folders(folder: epath.Path) -> tuple[Any, list[epath.Path]]:
    """Returns a workdir's config, and its encoders' folders of profiles."""
    config = workdirs.read_config(folder)
    dataset = screen.load(config).name
    return config, task_results.encoders(JOB, folder / "profiles" / dataset)


def _named(folders: list[epath.Path]) -> dict[str, tuple[epath.Path, str]]:
    """Maps full names to the folder of a set's encoder and its short name."""
    return {
        feature_set.full_name(folder.name, name): (folder, name)
        for folder in folders
        for name in store.widths(folder)
    }


def _headline(sets: dict[str, tuple[epath.Path, str]], features: str) -> str:
    """Returns the first set of the name that the config shows first, else the first."""
    shown = (name for name, (_, short) in sets.items() if short == features)
    return next(shown, next(iter(sets)))
