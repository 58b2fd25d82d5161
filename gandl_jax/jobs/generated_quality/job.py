"""Job `generated_quality`: how close are generated images to real ones?

Draws images from checkpoints of the workdir and compares them with crops of the records
that were trained on, in feature spaces that took no part in training: by the kernel
distance with its interval, the Frechet distance, precision and recall, of all channels
and of each alone, beside the same between two sets of real images, the floor. With
config.generated_quality.every_images a training does so as it runs.

Writes generated_quality/<dataset>/<step>.json, and all rows as rows.csv.
"""

from collections.abc import Sequence
from typing import Any

import ml_collections
from etils import epath

OPTIONS = {
    # Training images between two measurements; 0 is no measurement in training.
    "every_images": 0,
    "every_spaces": ("random",),  # spaces of these measurements
    # Spaces of the job, gandl_jax/training/generated_quality/spaces/<name>.py; () is
    # all installed ones.
    "spaces": (),
    "steps": (),  # checkpoints: "first", "last" or numbers; () is all
    # Images of each set: generated, real, and other real ones. Binkowski et al. take
    # 1,000, with which the estimate is no longer rough (sec. 4).
    "images": 1000,
    "batch": 50,  # images that are drawn at a time
    "seed": 0,  # of the images that are drawn, and of the crops
}
LOWEST = {"images": 8, "batch": 1}


def check(
    config: ml_collections.ConfigDict, workdir: Any, before: Sequence[str]
) -> None:
    """Refuses unknown spaces, before anything slow is imported.

    Args:
      config: of the experiment.
      workdir: not used.
      before: not used.

    Raises:
      InputError: names the first.
    """
    from gandl_jax.training.generated_quality import space_names

    del workdir, before
    space_names.check(config)


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Judges checkpoints that have no rows yet; prints a table.

    Args:
      config: of the experiment.
      workdir: of the experiment.

    Raises:
      InputError: there is no checkpoint, the method draws no images, or a chosen space
        is not installed.
      RunError: every checkpoint is damaged.
    """
    from gandl_jax.jobs.generated_quality import running  # slow

    running.run(config, epath.Path(workdir))
