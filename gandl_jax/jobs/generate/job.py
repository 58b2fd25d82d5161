"""Job `generate`: a generator's images of each class, as a prepared screen.

A killed run is resumed: candidates lie in files, and shards that have their final name
are kept. The screen is complete once its description exists, which is written last.
"""

from collections.abc import Sequence
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.errors import InputError, known

SELECTION = "jobs/generate/selection"
OPTIONS = {
    # The prepared screen that is written; "" is generated/prepared in the workdir.
    "dir": "",
    "step": "last",  # of the generator: a checkpoint's number
    "classes": (),  # to draw; () is all
    # Images of each class; 0 fills classes up to the training records of the largest.
    "images_per_class": 0,
    "candidates": 4.0,  # drawn for each wanted image; the selection keeps some
    "select": "entropy",  # gandl_jax/jobs/generate/selection/<name>.py
    "batch": 64,  # images that are drawn at a time
    "seed": 0,
    "after_training": False,  # True: --job=all generates too
}
LOWEST = {"candidates": 1, "batch": 1}


def check(
    config: ml_collections.ConfigDict, workdir: Any, before: Sequence[str]
) -> None:
    """Refuses impossible options, before anything slow is imported.

    Args:
      config: of the experiment.
      workdir: not used.
      before: not used.

    Raises:
      InputError: names the first.
    """
    del workdir, before
    options = config.generate
    known("generate.select", options.select, modules.names(SELECTION, "chosen"))
    if not configs.label_columns(config):
        raise InputError(
            "--job=generate draws images of classes, and config.data.label names none "
            "that this method learns: train a gan with --config.data.label=Class, say"
        )
    if config.data.illumination != "none":
        raise InputError(
            f"config.data.illumination={config.data.illumination} divides by the light "
            "of a place on a plate, and a generated image is of none: train with "
            "--config.data.illumination=none to generate"
        )


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Draws, selects and writes images of the training in the workdir.

    Args:
      config: of the experiment.
      workdir: of the experiment; tables and pictures go into its folder `generated`.

    Raises:
      InputError: there is no generator, a class was never seen, fewer images pass than
        are wanted, or the folder holds other files.
      RunError: the folder cannot be written.
    """
    from gandl_jax.jobs.generate import running  # slow

    running.run(config, epath.Path(workdir))
