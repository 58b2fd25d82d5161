"""Trains a method on a prepared screen; run again, it goes on where it stopped."""

import importlib
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from etils import epath

from gandl_jax import checkpoint, logs, parallel, pictures
from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.datasets import prepared, stream
from gandl_jax.errors import InputError, RunError


def run(config, workdir: epath.Path) -> None:
    """Trains until `config.train.total_images`; resumes from the last checkpoint.

    Raises:
      InputError: no prepared screen, a batch that devices or records do not allow, or
        a checkpoint of another architecture.
      RunError: a loss is no longer finite, or a stored record is damaged.
    """
    dataset, channels = open_dataset(config)
    method = make_method(config, dataset)
    devices = parallel.devices(config.train.devices)
    parallel.check_batch(config.train.batch, len(devices), method.unit)
    saved = checkpoint.Checkpoints(workdir, config.train.keep_checkpoints)
    first = max(saved.steps(), default=0)
    total = configs.steps(config.train.total_images, config.train.batch)
    batches = training_batches(config, dataset, first)
    architecture = configs.architecture(config, channels)
    state = start(config, method, saved, architecture)
    if first < total:
        step_fn = make_step(config, method, devices)
        recorder = Recorder(config, workdir, method, architecture, saved, first, total)
        workdirs.note(workdir, "devices", parallel.describe(devices))
        print(f"train     on {parallel.describe(devices)}; the first step compiles")
        _loop(state, step_fn, batches, recorder, range(first, total))
    print(f"train     is at {max(first, total) * config.train.batch:,} images: done")
    saved.close()


def open_dataset(config) -> tuple[prepared.Prepared, tuple[str, ...]]:
    """The prepared screen that the config names, and the channels to use.

    Raises:
      InputError: it is not prepared, is another screen, or has no such channel.
    """
    dataset = prepared.open_prepared(config.data.dir)
    if dataset.name != config.data.name:
        raise InputError(
            f"{config.data.dir} holds the screen {dataset.name!r}, not "
            f"config.data.name={config.data.name!r}: name another config.data.dir"
        )
    prepared.check_crop(dataset, config.data.crop_px)
    return dataset, prepared.choose_channels(dataset, config.data.channels)


def make_method(config, dataset) -> Any:
    """The method that the config names, for a prepared screen."""
    module = importlib.import_module(f"gandl_jax.methods.{config.method.name}")
    return module.Method(config, dataset)


def training_batches(config, dataset, first_step: int) -> Iterator[dict]:
    """The stream of training batches from a step on."""
    data = config.data
    return stream.train_batches(
        dataset,
        channels=data.channels,
        crop_px=data.crop_px,
        batch=config.train.batch,
        seed=config.seed,
        first_step=first_step,
        flips=data.flips,
        rotations=data.rotations,
    )


def start(
    config, method, saved: checkpoint.Checkpoints, architecture: dict[str, Any]
) -> Any:
    """The newest checkpoint's state, or a new one, which is saved as step 0."""
    key = jax.random.key(config.seed)
    steps = saved.steps()
    if steps:
        saved.check(steps[-1], architecture)
        like = jax.eval_shape(method.init, key)
        return saved.restore(steps[-1], "train", like)
    state = jax.jit(method.init)(key)
    saved.save(0, method.items(state), architecture)
    return state


def make_step(config, method, devices: list[jax.Device]):
    """A whole training step: the phases that are due, one after the other.

    Returns:
      A function of (state, batch, step) to (state, metrics).
    """
    key = jax.random.key(config.seed)
    # On CPU a checkpoint in the making may still read the memory of the state.
    donate = devices[0].platform != "cpu"
    split = [parallel.split(p.fn, devices, donate=donate) for p in method.phases]

    def advance(state, batch, step):
        metrics = {}
        for number, (phase, fn) in enumerate(zip(method.phases, split, strict=True)):
            if step % phase.every == 0:
                phase_key = jax.random.fold_in(jax.random.fold_in(key, step), number)
                state, values = fn(state, batch, phase_key)
                metrics.update(values)
        if parallel.virtual(devices):
            jax.block_until_ready(state)
        return state, metrics

    return advance


def _loop(state, step_fn, batches, recorder, steps: range) -> None:
    # Record and save before the next batch is taken: a restart skips and repeats none.
    for step in steps:
        batch = next(batches)
        state, metrics = step_fn(state, batch, step)
        recorder.add(step + 1, state, batch, metrics)
    recorder.close()


class Recorder:
    """Writes what is due after a step: metrics, pictures, a checkpoint.

    Args:
      config: of the experiment.
      workdir: where to.
      method: gives a checkpoint's items, and pictures where it has any.
      architecture: flat sizes, saved beside a checkpoint's arrays.
      saved: the checkpoints.
      first: steps completed before this run.
      total: steps in all.
    """

    def __init__(self, config, workdir, method, architecture, saved, first, total):
        self._config, self._workdir, self._method = config, workdir, method
        self._architecture, self._saved, self._total = architecture, saved, total
        self._batch = config.train.batch
        self._metrics = logs.Metrics(workdir, first)
        self._progress = logs.Progress(
            "train", total * self._batch, "images", start=first * self._batch
        )
        self._began = time.monotonic() - logs.last_seconds(workdir)
        self._pending: list[dict] = []
        self._logged, self._note = time.monotonic(), ""
        self._draw = jax.jit(method.pictures) if hasattr(method, "pictures") else None

    def add(self, step: int, state: Any, batch: dict, metrics: dict) -> None:
        """Takes what a step gave; `step` counts those completed."""
        if self._due("log", step - 1):
            self._log(step - 1)  # the step in flight is never read
        self._pending.append(metrics)
        self._progress.update(self._batch, self._note)
        if self._draw and self._due("grid", step):
            key = jax.random.key(self._config.seed)
            generated = np.asarray(self._draw(state, key))
            folder = self._workdir / "images"
            real = batch["images"][: len(generated)]
            channels = self._architecture["data.channels"]
            pictures.write_grids(folder, step, channels, real, generated)
        if self._due("checkpoint", step):
            self._log(step)
            self._saved.save(step, self._method.items(state), self._architecture)

    def close(self) -> None:
        """Closes the files; the last step's checkpoint has flushed the metrics."""
        self._metrics.close()
        self._progress.close(self._note)

    def _due(self, what: str, step: int) -> bool:
        every = configs.steps(self._config.train[f"{what}_every_images"], self._batch)
        return step > 0 and (step % every == 0 or step == self._total)

    def _log(self, step: int) -> None:
        """Writes the mean over the steps since the last line, once."""
        if not self._pending:
            return
        values = mean_metrics(self._pending, step)
        now = time.monotonic()
        speed = len(self._pending) * self._batch / (now - self._logged)
        self._pending, self._logged = [], now
        self._note = "  ".join(f"{k} {v:.3g}" for k, v in values.items() if "loss" in k)
        values["data/images_per_second"] = round(speed, 2)
        self._metrics.write(step, step * self._batch, now - self._began, values)


def mean_metrics(steps: list[dict], last: int) -> dict[str, float]:
    """The mean of every metric over the steps that have it.

    Args:
      steps: one {"group/name": scalar array} per step.
      last: number of the last step, for the message.

    Raises:
      RunError: naming a metric that is not finite.
    """
    means = {}
    for name in sorted({name for metrics in steps for name in metrics}):
        values = [float(metrics[name]) for metrics in steps if name in metrics]
        means[name] = float(np.mean(values))
        if not np.isfinite(means[name]):
            raise RunError(
                f"{name} is {means[name]} within the {len(steps)} steps before {last}: "
                "lower method.learning_rate or raise method.r1_weight"
            )
    return means
