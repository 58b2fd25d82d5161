"""Schedule of judging generated images while a training runs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from etils import epath

from gandl_jax import config as configs
from gandl_jax import hosts
from gandl_jax.training.generated_quality import kept, space_names
from gandl_jax.training.generated_quality.kept import KERNEL, WHOLE
from gandl_jax.training.training_records import TrainingRecords

PREFIX = "generated"  # of the metrics
SHOWN = (KERNEL, "frechet_distance", "precision", "recall")


def check(config: Any, method: Any) -> None:
    """Refuses a schedule that cannot be kept.

    Args:
      config: of the experiment.
      method: of the config.

    Raises:
      InputError: there is no such space, it is not installed, or the method draws no
        images.
    """
    if config.generated_quality.every_images:
        from gandl_jax.training.generated_quality import judge, measured  # slow

        space_names.check(config)
        measured.usable(config.generated_quality.every_spaces)
        judge.check_method(config, method)


class Schedule:
    """Schedule of judging; on several hosts the first judges, for all.

    Args:
      config: of the experiment.
      workdir: of the experiment.
      method: of the config.
      records: that are trained on.
      batches: as of `judge.Judge`.
      first: step from which the training continues; rows of later steps are dropped.
      total: steps of the training.
    """

    def __init__(
        self,
        config: Any,
        workdir: epath.Path,
        method: Any,
        records: TrainingRecords,
        batches: Callable[[], Iterator[Mapping[str, Any]]],
        *,
        first: int,
        total: int,
    ):
        options, self._total = config.generated_quality, total
        self._every = configs.steps(options.every_images, config.train.batch)
        self._judge = None
        if self._every:
            from gandl_jax.training.generated_quality import judge  # slow

            spaces = options.every_spaces
            self._judge = judge.Judge(config, workdir, method, records, batches, spaces)
        if hosts.leads():
            kept.drop_after(kept.folder(config, workdir), first)

    def is_due(self, step: int) -> bool:
        """Returns True if images are judged after a step; the last step is due too."""
        if not self._judge:
            return False
        return step % self._every == 0 or step == self._total

    def take(self, step: int, state: Any) -> dict[str, float]:
        """Judges a state; returns the metrics of all channels together.

        Returns:
          "generated/<space>_<measure>" to a number.
        """
        return {
            f"{PREFIX}/{row['space']}_{measure}": row[measure]
            for row in self._judge.rows(step, state)
            for measure in SHOWN
            if row["channel"] == WHOLE and row[measure] is not None
        }
