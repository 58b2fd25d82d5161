"""Checks, metrics, pictures and checkpoints that are due after a training step."""

import time
from collections.abc import Sequence
from typing import Any

import jax
import ml_collections
import numpy as np
from etils import epath

from gandl_jax import checkpoint, events, hosts, logs, memory, parallel, progress
from gandl_jax import config as configs
from gandl_jax.methods.contract import Check
from gandl_jax.reading import bad_records
from gandl_jax.training import cost_meter, soundness
from gandl_jax.training.cost_meter import Meter
from gandl_jax.training.generated_quality.schedule import Schedule
from gandl_jax.training.grids import Grids
from gandl_jax.training.looks import Looks
from gandl_jax.training.stop_rule import StopRule
from gandl_jax.training.validation import Validation

NOTES = "train.recorder"  # of a checkpoint, needed to resume
COST = "cost"  # among those notes: the cost of the steps up to the checkpoint


class Recorder:
    """Writes what is due after a step, and checks that the training is sound.

    The first of several hosts writes metrics and pictures; all write the checkpoint.

    Args:
      config: of the experiment.
      workdir: of the experiment.
      method: that is trained; it gives a checkpoint's items.
      architecture: flat sizes, saved beside a checkpoint's arrays.
      saved: the checkpoints.
      bad: counts records that cannot be read; None if those end the training.
      former: the log up to the step that this run resumes from.
      total: steps in all.
      looks: of the method's checks.
      grids: of the method's images.
      validation: on the records that are set aside.
      meter: of the training's cost.
      generated: judges the images that the method draws.
      stop_rule: ends the training early.
    """

    def __init__(
        self,
        config: ml_collections.ConfigDict,
        workdir: epath.Path,
        *,
        method: Any,
        architecture: dict[str, Any],
        saved: checkpoint.Checkpoints,
        bad: bad_records.BadRecords | None,
        former: logs.Former,
        total: int,
        looks: Looks,
        grids: Grids,
        validation: Validation,
        meter: Meter,
        generated: Schedule,
        stop_rule: StopRule,
    ):
        first = former.step
        self._bad = bad
        self._config, self._workdir, self._method = config, workdir, method
        self._architecture, self._saved, self._total = architecture, saved, total
        self._batch = config.train.batch
        self._metrics = logs.Metrics(former) if hosts.leads() else None
        self._progress = progress.Progress(
            "train", total * self._batch, "images", start=first * self._batch
        )
        self._began = time.monotonic() - former.seconds
        self._since, self._timed, self._note = None, 0, ""
        self._unread: list[tuple[int, dict]] = []  # (step, metrics on the device)
        self._read: list[dict[str, float]] = []  # of the steps since the last line
        if first:
            self._read = read_notes(saved, first).get("metrics_not_logged", [])
        self._finite = parallel.on_one(soundness.finite)
        self._looked: tuple[int, dict] | None = None  # (step, fields on the device)
        self._looks, self._grids, self._validation = looks, grids, validation
        self._generated, self._stop_rule = generated, stop_rule
        self._saved_step, self._meter = first, meter
        meter.begin(first, read_notes(saved, first).get(COST) if first else None)

    def add(self, step: int, state: Any, metrics: dict) -> str:
        """Takes the results of a step.

        Args:
          step: steps completed.
          state: after them.
          metrics: of the step, on the device.

        Returns:
          The reason why the training is done early, or "".

        Raises:
          Trouble: the training is no longer sound.
          RunError: a checkpoint cannot be written.
        """
        try:
            self._add(step, state, metrics)
        except soundness.Trouble as trouble:
            trouble.found = step
            raise
        why = self._validation.why_done() if self._due("log", step) else ""
        return why or self._stop_rule.why_done(step)

    def _add(self, step: int, state: Any, metrics: dict) -> None:
        # The step in flight is never read.
        self._meter.done(step)
        if self._due("log", step - 1):
            self._log(step - 1)
        elif self._is_check(step - 1):
            self._check()
        self._unread.append((step, metrics))
        self._time()
        if self._is_check(step):
            self._looked = step, self._finite(state)
        saves = self._due("checkpoint", step) or self._due("milestone", step)
        shows = self._due("grid", step)
        looks = self._looks.due(step, all_are=saves or shows)
        judges = self._generated.is_due(step)
        if saves or shows or looks or judges:
            self._require_finite(step, state)
            self._look(step, state, looks)
        if judges:
            self._judge(step, state)
        if self._due("log", step) and self._validation.is_on:
            self._require_finite(step, state)
            with self._meter.timing(cost_meter.VALIDATION):
                self._read.append(self._validation.take(state))
        if shows:
            self._show(step, state)
        if saves:
            self._log(step)
            self._save(step, state)

    def _time(self) -> None:
        """Counts a step for the speed, without the first, which compiles."""
        self._progress.update(self._batch, self._note)
        if self._since is None:
            self._since = time.monotonic()
        else:
            self._timed += 1

    def save(self, step: int, state: Any) -> None:
        """Saves a checkpoint of a sound state, unless it is saved already; waits.

        Raises:
          Trouble: the state is not sound.
          RunError: it cannot be written.
        """
        if step != self._saved_step:
            self._require_finite(step, state)
            self._looks.take_aside(step, state)
            self._save(step, state)
        self.wait()

    def finish(self, step: int, state: Any, why: str) -> None:
        """Logs and saves a training that is done early, and prints why.

        Raises:
          RunError: it cannot be written.
        """
        self._log(step)
        self.save(step, state)
        if hosts.leads():
            print(f"train     stops early at step {step:,}: {why}", flush=True)
            events.add(self._workdir, "stopped_early", step=step, why=why)

    def wait(self) -> None:
        """Waits until the last checkpoint is written.

        Raises:
          RunError: it cannot be.
        """
        with self._meter.timing(cost_meter.CHECKPOINTS):
            self._saved.wait()

    def _save(self, step: int, state: Any) -> None:
        with self._meter.timing(cost_meter.CHECKPOINTS):
            self._meter.write()  # first: no checkpoint is newer than the file
            notes = {"metrics_not_logged": list(self._read)} | self._looks.notes()
            notes[COST] = self._meter.figures()
            items = self._method.items(state)
            self._saved.save(step, items, self._architecture | {NOTES: notes})
            self._saved_step = step

    def close(self) -> None:
        """Closes the files; the last step's checkpoint has flushed the metrics."""
        self._meter.close()
        if self._metrics:
            self._metrics.close()
        self._progress.close(self._note)

    def _due(self, kind: str, step: int) -> bool:
        images = self._config.train[f"{kind}_every_images"]
        if not images:
            return False
        every = configs.steps(images, self._batch)
        return step > 0 and (step % every == 0 or step == self._total)

    def _is_check(self, step: int) -> bool:
        return step > 0 and step % self._config.train.check_every_steps == 0

    def _check(self) -> None:
        """Reads the metrics so far, and checks the state and the last checkpoint."""
        self._saved.look()
        memory.give_back()
        # As lists: JAX would sort dictionaries, whose order is causal.
        values = jax.device_get([list(metrics.values()) for _, metrics in self._unread])
        new = [
            (step, dict(zip(metrics, map(float, numbers), strict=True)))
            for (step, metrics), numbers in zip(self._unread, values, strict=True)
        ]
        self._unread = []
        self._read += [metrics for _, metrics in new]
        soundness.first_not_finite(new)
        if self._looked:
            step, fields = self._looked
            self._looked = None
            soundness.check_fields(step, jax.device_get(fields))

    def _require_finite(self, step: int, state: Any) -> None:
        self._check()
        soundness.check_fields(step, jax.device_get(self._finite(state)))

    def _look(self, step: int, state: Any, due: Sequence[Check]) -> None:
        """Takes the looks that are due; on trouble, writes the pictures."""
        try:
            with self._meter.timing(cost_meter.CHECKS):
                self._read += self._looks.take(step, state, due)
        except soundness.Trouble:
            self._show(step, state)
            raise

    def _show(self, step: int, state: Any) -> None:
        with self._meter.timing(cost_meter.PICTURES):
            hosts.once(lambda: self._grids.write(step, state))

    def _judge(self, step: int, state: Any) -> None:
        with self._meter.timing(cost_meter.PICTURES):
            found = hosts.once(lambda: self._generated.take(step, state))
        self._read.append(found)

    def _log(self, step: int) -> None:
        """Writes the mean of the metrics since the last line, if there are any."""
        self._check()
        if not self._read:
            return
        values = mean_metrics(self._read)
        self._read, now = [], time.monotonic()
        if self._timed:
            speed = self._timed * self._batch / max(now - self._since, 1e-9)
            values["data/images_per_second"] = round(speed, 2)
            self._since, self._timed = now, 0
        if not self._metrics:
            return
        losses = {
            name: value for name, value in values.items() if name.endswith("/loss")
        }
        self._note = "  ".join(f"{name} {value:.3g}" for name, value in losses.items())
        if self._bad:
            values["data/bad_records"] = self._bad.count
        self._metrics.write(step, step * self._batch, now - self._began, values)
        self._meter.write()


def read_notes(saved: checkpoint.Checkpoints, step: int) -> dict[str, Any]:
    """Returns the recorder's notes of a checkpoint."""
    return saved.notes(step).get(NOTES, {})


def mean_metrics(steps: Sequence[dict[str, float]]) -> dict[str, float]:
    """Averages every metric over the steps that have it.

    Args:
      steps: one {"group/name": value} per step.
    """
    names = sorted({name for metrics in steps for name in metrics})
    return {
        name: float(np.mean([metrics[name] for metrics in steps if name in metrics]))
        for name in names
    }
