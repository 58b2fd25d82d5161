"""The prepared screen with the labels of this experiment's config.

Imports nothing slow.
"""

import ml_collections

from gandl_jax import config as configs
from gandl_jax.datasets import labelled, prepared, screen
from gandl_jax.errors import InputError


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
            f"labels of one experiment alone, and {', '.join(changed)} differs now: "
            "run --job=prepare with the raw screen in config.data.source_dir, which "
            "adds its table and keeps the shards, or go back to the former "
            "config.screen"
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
    before = configs.labels(configs.default()) | plan[prepared.LABELS]
    return [
        key for key, value in configs.labels(config).items() if before[key] != value
    ]


def _check_records(
    config: ml_collections.ConfigDict, opened: prepared.Prepared
) -> None:
    """Raises where a screen of one's own was prepared from other images."""
    if config.data.name != "own":
        return
    plain, plan = configs.plain(config), opened.description["plan"]
    wanted = {key: plain[key] for key in configs.SCREEN_IMAGES if key in plan}
    prepared.check_plan(opened.directory, plan, wanted)
