"""The prepared screen with the labels of this experiment's config.

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

WRITTEN = "labels_of_profiles"  # in `config.json`: of each encoder's features


def label(
    config: ml_collections.ConfigDict, opened: prepared.Prepared
) -> prepared.Prepared:
    """Gives a prepared screen the labels, controls and plates of a config.

    Args:
      config: of the experiment; data and screen are read.
      opened: its screen, as it was prepared.

    Raises:
      InputError: the screen was prepared from other images or records; it has not
        what `config.screen` names; or a former version prepared it for an experiment
        with other labels, which it keeps no others beside.
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
    """The keys of a config in which a folder has another experiment's labels.

    Only one that a former version prepared has any experiment's.
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
    """Notes by which labels features are written, as their parts repeat them.

    A workdir without a `config.json`, which only the program makes, has no notes.

    Args:
      config: of the experiment.
      workdir: of the experiment.
      profiles: the folder of the features; it may hold parts already.
    """
    if not (workdir / workdirs.FILE).exists():
        return
    noted = dict(workdirs.noted(workdir, WRITTEN) or {})
    name, now = f"{profiles.parent.name}/{profiles.name}", _digest(config)
    begun = any(path.suffix == ".parquet" for path in profiles.iterdir())
    noted[name] = now if not begun or noted.get(name) == now else "several"
    workdirs.note(workdir, WRITTEN, noted)


def check_written(
    config: ml_collections.ConfigDict, workdir: epath.Path, dataset: str
) -> None:
    """Raises InputError where features were written by other labels than now.

    Args:
      config: of the experiment.
      workdir: of the experiment.
      dataset: name of the screen, which is not here to tell the labels.
    """
    noted = workdirs.noted(workdir, WRITTEN) or {}
    other = [
        name
        for name, digest in noted.items()
        if name.startswith(f"{dataset}/")
        and digest != _digest(config)
        and (workdir / "profiles" / name).is_dir()
    ]
    if other:
        raise InputError(
            f"config.screen has changed since the features in profiles/{other[0]} were "
            f"written, and config.data.dir={config.data.dir!r} holds no prepared "
            "screen to take its labels from: set it to the prepared screen, or go back "
            "to the former config.screen"
        )


def _digest(config: ml_collections.ConfigDict) -> str:
    """SHA-256, in hex, of what the config says of the records."""
    said = configs.screen_description(config)
    unset = configs.screen_description(configs.default())
    later = [key for key in configs.SCREEN_LATER if said[key] == unset[key]]
    return sealed_json.digest({k: v for k, v in said.items() if k not in later})


def _check_records(
    config: ml_collections.ConfigDict, opened: prepared.Prepared
) -> None:
    """Raises where a screen of one's own was prepared from other images."""
    if config.data.name != "own":
        return
    plain, plan = configs.plain(config), opened.description["plan"]
    wanted = {key: plain[key] for key in configs.SCREEN_IMAGES if key in plan}
    wanted |= {key: config.data[key] for key in prepared.REDUCED}
    wanted |= {key: plain[key] for key in prepared.OME}
    prepared.check_plan(opened.directory, plan, wanted)
