"""Judges of a training's states by the images that they draw."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.training.generated_quality import drawn, judged, kept, measured, real
from gandl_jax.training.generated_quality.kept import Row
from gandl_jax.training.generated_quality.measured import Space
from gandl_jax.training.generated_quality.real import Real
from gandl_jax.training.training_records import TrainingRecords

VERSION = 1  # of how rows are made


class Judge:
    """Judge of states; opens its spaces and measures real images once.

    Args:
      config: of the experiment.
      workdir: its folder `generated_quality` keeps the rows.
      method: with `samples`, whose images are judged.
      records: of the training.
      batches: returns a stream of training batches with `real.RECORD` among the labels.
      spaces: names of the spaces to judge in.

    Raises:
      InputError: the method draws no images, or there are too few records.
    """

    def __init__(
        self,
        config: Any,
        workdir: epath.Path,
        method: Any,
        records: TrainingRecords,
        batches: Callable[[], Iterator[Mapping[str, Any]]],
        spaces: Sequence[str],
    ):
        check_method(config, method)
        self._config, self._method, self._records = config, method, records
        self._batches, self._names = batches, tuple(spaces)
        self.folder = kept.folder(config, workdir)
        options = config.generated_quality
        self._drawn = drawn.Drawn(method, options.seed, options.batch)

    def rows(self, step: int, state: Any) -> list[Row]:
        """Returns the rows of a state; makes and keeps missing ones.

        Args:
          step: of the training, after which the state was taken.
          state: of the training.

        Returns:
          Rows of `judged.rows`, each with "step" and "images" (that were trained on).
        """
        digest = kept.state_digest(self._method.items(state))
        made_from = {name: self._made_from(name, digest) for name in self._names}
        rows = kept.rows_of(self.folder, step, made_from)
        done = {row["space"] for row in rows}
        missing = [name for name in self._names if name not in done]
        if missing:
            made = self._make(step, state, missing)
            made_from_due = {name: made_from[name] for name in missing}
            kept.write(self.folder, step, made, made_from_due, self._description())
            rows += made
        return rows

    def _make(self, step: int, state: Any, names: Sequence[str]) -> list[Row]:
        spaces = [self._spaces[name] for name in names]
        count = self._config.generated_quality.images
        images = self._drawn.batches(state, self._classes, count)
        features = measured.measure(images, spaces, count)
        progress = {"step": step, "images": step * self._config.train.batch}
        channels = self._records.channels
        return [progress | row for row in judged.rows(self._real, features, channels)]

    def _made_from(self, name: str, digest: str) -> dict[str, Any]:
        options = self._config.generated_quality
        return {
            "version": VERSION,
            "state": digest,
            "space": measured.version(name),
            "images": options.images,
            "seed": options.seed,
            "prepared": self._records.dataset.fingerprint,
        }

    def _description(self) -> dict[str, Any]:
        rows = self._records.rows
        return {
            "channels": list(self._records.channels),
            "trained_records": len(rows.trained),
            "validated_records": len(rows.validated),
            "held_out_records": len(rows.held_out),
        }

    @functools.cached_property
    def _spaces(self) -> dict[str, Space]:
        px, channels = configs.network_px(self._config), self._records.channels
        return {name: measured.open_space(name, channels, px) for name in self._names}

    @functools.cached_property
    def _real(self) -> Real:
        count = self._config.generated_quality.images
        px, spaces = configs.network_px(self._config), [*self._spaces.values()]
        return real.measure(self._batches(), spaces, count, px)

    @functools.cached_property
    def _classes(self) -> dict[str, Any]:
        labels, seed = self._real.compared.labels, self._config.generated_quality.seed
        return drawn.classes_to_draw(labels, self._records.source, seed)


def check_method(config: Any, method: Any) -> None:
    """Refuses a method that draws no images.

    Raises:
      InputError: it has no `samples`.
    """
    if not hasattr(method, "samples"):
        raise InputError(
            f"the method {config.method.name} draws no images that could be judged: "
            "take gan, small_gan or another method that has `samples`, or leave "
            "config.generated_quality.every_images at 0"
        )
