"""The job `generated_quality`: how close are generated images to real ones?

Draws images from checkpoints of the workdir and holds them against crops of the records
that were trained on, in feature spaces that took no part in training: the kernel
distance with its interval, the Frechet distance, precision and recall, of all channels
and of each alone, beside the same between two halves of real images, the floor. With
config.generated_quality.every_images a training does so as it runs.

Writes generated_quality/<dataset>/<step>.json, and all rows as rows.csv.
"""

from collections.abc import Sequence
from typing import Any

import ml_collections
from etils import epath

OPTIONS = {
    # Of training, between two looks at what it draws; 0 looks at nothing.
    "every_images": 0,
    "every_spaces": ("random",),  # that those looks are in
    # gandl_jax/training/generated_quality/spaces/<name>.py of the job; () is all that
    # are installed.
    "spaces": (),
    "steps": (),  # checkpoints: "first", "last" or numbers; () is all
    # Of each kind: generated, real, and other real ones. Binkowski et al. take 1,000 of
    # which the estimate is no longer rough (sec. 4).
    "images": 1000,
    "batch": 50,  # images that are drawn at a time
    "seed": 0,  # of the images that are drawn, and of the crops
}
LOWEST = {"images": 8, "batch": 1}


def check(
    config: ml_collections.ConfigDict, workdir: Any, before: Sequence[str]
) -> None:
    """Refuses spaces that there are not, before anything slow is imported.

    Args:
      config: of the experiment.
      workdir: not used.
      before: not used.

    Raises:
      InputError: naming the first.
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
      InputError: there is no checkpoint, the method draws no images, or a space that
        was asked for is not installed.
      RunError: no checkpoint is whole.
    """
    from gandl_jax.jobs.generated_quality import running  # slow

    running.run(config, epath.Path(workdir))
