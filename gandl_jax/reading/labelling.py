"""Labelling of a prepared screen by an experiment's config.

Imports nothing slow.
"""

import ml_collections
from etils import epath

from gandl_jax import config as configs
from gandl_jax import sealed_json
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.prepared import labelled, prepared
from gandl_jax.raw import screen

WRITTEN = "labels_of_profiles"  # key in `config.json`: digests per encoder


def label(
    config: ml_collections.ConfigDict, opened: prepared.Prepared
) -> prepared.Prepared:
    """Gives a prepared screen the labels, controls and plates of a config.

    Args:
      config: of the experiment; its data and screen are read.
      opened: its prepared screen.

    Raises:
      InputError: the screen was prepared from other images or records; it lacks what
        `config.screen` names; or a former version, which stored the labels of one
        experiment only, prepared it with others.
    """
    _check_records(config, opened)
    if changed := former_labels(config, opened):
        raise InputError(
            f"{opened.directory} was prepared by a former version, which kept the "
            f"labels of one experiment alone, and other {', '.join(changed)} are asked "
            "for now: run --job=prepare with the raw screen in config.data."
            "source_dir, which adds its table and keeps the shards, or go back to the "
            "former config.screen"
        )
    return labelled.label(
        opened,
        screen.load(config),
        by_plate="plate" in (config.data.scaling, config.data.illumination),
    )


def former_labels(
    config: ml_collections.ConfigDict, opened: prepared.Prepared
) -> list[str]:
    """Returns the keys of a config whose labels differ from those that are stored.

    Only folders prepared by a former version store labels.
    """
    plan = opened.description["plan"]
    if prepared.SOURCE_TABLE in opened.description or prepared.LABELS not in plan:
        return []
    before = configs.screen_description(configs.default()) | plan[prepared.LABELS]
    return [
        key
        for key, value in configs.screen_description(config).items()
        if before[key] != value
    ]


def note_written(
    config: ml_collections.ConfigDict, workdir: epath.Path, profiles: epath.Path
) -> None:
    """Notes the labels by which features are written, which their files repeat.

    A workdir without `config.json` has no notes.

    Args:
      config: of the experiment.
      workdir: of the experiment.
      profiles: the folder of the features; it may hold files already.
    """
    if not (workdir / workdirs.FILE).exists():
        return
    noted = dict(workdirs.noted(workdir, WRITTEN) or {})
    name, digest = f"{profiles.parent.name}/{profiles.name}", _digest(config)
    begun = any(path.suffix == ".parquet" for path in profiles.iterdir())
    noted[name] = digest if not begun or noted.get(name) == digest else "several"
    workdirs.note(workdir, WRITTEN, noted)


def check_written(
    config: ml_collections.ConfigDict, workdir: epath.Path, dataset: str
) -> None:
    """Refuses features that were written with other labels than the config's.

    Args:
      config: of the experiment.
      workdir: of the experiment.
      dataset: name of the screen, which is not here to read labels from.

    Raises:
      InputError: the labels differ.
    """
    noted = workdirs.noted(workdir, WRITTEN) or {}
    other_labels = [
        name
        for name, digest in noted.items()
        if name.startswith(f"{dataset}/")
        and digest != _digest(config)
        and (workdir / "profiles" / name).is_dir()
    ]
    if other_labels:
        raise InputError(
            "config.screen has changed since the features in "
            f"profiles/{other_labels[0]} were written, and "
            f"config.data.dir={config.data.dir!r} holds no prepared screen to take its "
            "labels from: set it to the prepared screen, or go back to the former "
            "config.screen"
        )


def _digest(config: ml_collections.ConfigDict) -> str:
    """SHA-256, in hex, of the config's description of the records."""
    description = configs.screen_description(config)
    unset = configs.screen_description(configs.default())
    unset_later = [
        key for key in configs.SCREEN_LATER if description[key] == unset[key]
    ]
    return sealed_json.digest(
        {key: value for key, value in description.items() if key not in unset_later}
    )


def _check_records(
    config: ml_collections.ConfigDict, opened: prepared.Prepared
) -> None:
    """Refuses a custom screen that was prepared from other images."""
    if config.data.name != "own":
        return
    plain, plan = configs.plain(config), opened.description["plan"]
    wanted = {key: plain[key] for key in configs.SCREEN_IMAGES if key in plan}
    wanted |= {key: config.data[key] for key in prepared.REDUCED}
    wanted |= {key: plain[key] for key in prepared.OME}
    prepared.check_plan(opened.directory, plan, wanted)
