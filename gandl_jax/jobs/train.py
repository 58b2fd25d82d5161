"""Trains a method on a prepared screen; run again, it goes on where it stopped."""

import collections
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath

from gandl_jax import checkpoint, compilation, hosts, logs, parallel, pictures, progress
from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.datasets import stream
from gandl_jax.errors import RunError
from gandl_jax.jobs import experiment, starting_state, starting_weights

ON_ALL_HOSTS = True
INIT, STEPS, PICTURES = range(3)  # streams of random numbers
SHOWN = 16  # real images in a grid, at most


def run(config, workdir: epath.Path) -> None:
    """Trains until `config.train.total_images`; resumes from the last checkpoint.

    Raises:
      InputError: no prepared screen, a batch that the devices do not allow, or a
        checkpoint of another architecture or preparation.
      RunError: a loss is no longer finite, or a stored record is damaged.
    """
    compilation.keep()
    dataset, channels = experiment.open_dataset(config)
    hosts.agree({"the screen in config.data.dir": dataset.fingerprint})
    classes = experiment.read_classes(config, dataset)
    method = experiment.make_method(config, dataset, classes.names)
    devices = parallel.of_all_hosts(parallel.devices(config.train.devices))
    train = config.train
    parallel.check_batch(train.batch, len(devices), method.unit, train.accumulate)
    architecture = configs.architecture(config, channels, classes.names)
    saved = checkpoint.Checkpoints(workdir, config.train.keep_checkpoints)
    first = max(saved.steps(), default=0)
    total = configs.steps(config.train.total_images, config.train.batch)
    if first and first >= total:
        print(f"train     is at {first * config.train.batch:,} images: nothing to do")
        return
    bad = experiment.bad_records_policy(config, dataset, workdir)
    batches = training_batches(config, dataset, first, bad, classes.codes)
    hosts.once(lambda: _note(workdir, dataset, devices))
    hosts.meet()  # all have looked for checkpoints before the first is saved
    with contextlib.closing(saved):
        if not saved.steps() and config.train.start_from:
            known = starting_weights.describe(config)
            hosts.agree({"what is in config.train.start_from": known["sha256"]})
            hosts.once(lambda: workdirs.note(workdir, "start", known))
        state = start(config, method, dataset, saved, architecture)
        step_fn = make_step(config, method, devices)
        print(f"train     on {parallel.describe(devices)}; the first step compiles")
        recorder = Recorder(
            config,
            workdir,
            method=method,
            architecture=architecture,
            saved=saved,
            bad=bad,
            first=first,
            total=total,
        )
        with contextlib.closing(recorder):
            _loop(state, step_fn, batches, recorder, range(first, total))


def _note(workdir: epath.Path, dataset, devices: list[jax.Device]) -> None:
    """Writes down what is trained on, which a later run must agree with."""
    workdirs.claim(workdir, "prepared", dataset.fingerprint)
    workdirs.note(workdir, "metadata_sha256", dataset.metadata_sha256)
    workdirs.note(workdir, "devices", parallel.describe(devices))


def stream_key(config, stream_number: int) -> jax.Array:
    """The key of one of the run's independent streams of random numbers."""
    return jax.random.fold_in(jax.random.key(config.seed), stream_number)


def training_batches(
    config, dataset, first_step: int, on_bad, labels: np.ndarray | None = None
) -> Iterator[dict]:
    """The stream of training batches from a step on, of which each host has a part.

    Args:
      config: the whole config.
      dataset: prepared screen.
      first_step: how many batches are left out.
      on_bad: takes note of bad records; None fails.
      labels: [records] int32 class of each, where batches are to have them.
    """
    data = config.data
    return stream.train_batches(
        dataset,
        channels=data.channels,
        scaling=data.scaling,
        illumination=data.illumination,
        crop_px=data.crop_px,
        batch=config.train.batch,
        seed=config.seed,
        first_step=first_step,
        flips=data.flips,
        rotations=data.rotations,
        crops_per_site=data.crops_per_site,
        process=hosts.index(),
        processes=hosts.count(),
        labels=labels,
        on_bad=on_bad,
    )


def start(
    config,
    method,
    dataset,
    saved: checkpoint.Checkpoints,
    architecture: dict[str, Any],
) -> Any:
    """The newest checkpoint's state, or a new one, which is saved as step 0."""
    key = stream_key(config, INIT)
    steps = saved.steps()
    if steps:
        saved.check(steps[-1], architecture)
        like = parallel.on_one_device(jax.eval_shape(method.init, key))
        return saved.restore(steps[-1], "train", like)
    state = starting_state.make(config, method, dataset, key)
    saved.save(0, method.items(state), architecture)
    return state


def make_step(config, method, devices: list[jax.Device]):
    """A whole training step: the phases that are due, one after the other.

    Returns:
      A function of (state, batch, step) to (state, metrics).
    """
    fns = parallel.split_all([phase.fn for phase in method.phases], devices)
    return in_turn(config, method, fns)


def in_turn(config, method, fns: Sequence[Callable]):
    """The same of phases that are on the devices already, one function for each."""
    key = stream_key(config, STEPS)

    def advance(state, batch, step):
        metrics = {}
        for number, (phase, fn) in enumerate(zip(method.phases, fns, strict=True)):
            if step % phase.every == 0:
                phase_key = jax.random.fold_in(jax.random.fold_in(key, step), number)
                state, values = fn(state, batch, phase_key)
                metrics.update(values)
        return state, metrics

    return advance


def _loop(state, step_fn, batches, recorder, steps: range) -> None:
    # Record and save before the next batch is taken: a restart skips and repeats none.
    for step in steps:
        batch = next(batches)
        state, metrics = step_fn(state, batch, step)
        recorder.add(step + 1, state, batch, metrics)


class Recorder:
    """Writes what is due after a step: metrics, pictures, a checkpoint.

    Of several hosts the first writes metrics and pictures, and all the checkpoint.

    Args:
      config: of the experiment.
      workdir: where to.
      method: gives a checkpoint's items, and pictures where it has any.
      architecture: flat sizes, saved beside a checkpoint's arrays.
      saved: the checkpoints.
      bad: counts records that cannot be read; None where those end the training.
      first: steps completed before this run.
      total: steps in all.
    """

    def __init__(
        self, config, workdir, *, method, architecture, saved, bad, first, total
    ):
        self._bad = bad
        self._config, self._workdir, self._method = config, workdir, method
        self._architecture, self._saved, self._total = architecture, saved, total
        self._batch = config.train.batch
        self._metrics = logs.Metrics(workdir, first) if hosts.leads() else None
        self._progress = progress.Progress(
            "train", total * self._batch, "images", start=first * self._batch
        )
        self._began = time.monotonic() - logs.last_seconds(workdir)
        self._pending: list[dict] = []
        self._logged, self._note = time.monotonic(), ""
        draws = hosts.leads() and hasattr(method, "pictures")
        self._draw = parallel.on_one(method.pictures) if draws else None
        self._seen = collections.deque(maxlen=SHOWN)  # real images, for a picture

    def add(self, step: int, state: Any, batch: dict, metrics: dict) -> None:
        """Takes what a step gave; `step` counts those completed."""
        if self._due("log", step - 1):
            self._log(step - 1)  # the step in flight is never read
        self._pending.append(metrics)
        self._progress.update(self._batch, self._note)
        self._seen.extend(batch["images"])
        if self._draw and self._due("grid", step):
            key = stream_key(self._config, PICTURES)
            generated = np.asarray(self._draw(state, key))
            folder = self._workdir / "images"
            real = np.stack(self._seen)[-len(generated) :]
            channels = self._architecture["data.channels"]
            pictures.write_grids(folder, step, channels, real, generated)
        if self._due("checkpoint", step):
            self._log(step)
            self._saved.save(step, self._method.items(state), self._architecture)

    def close(self) -> None:
        """Closes the files; the last step's checkpoint has flushed the metrics."""
        if self._metrics:
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
        if not self._metrics:
            return
        self._note = "  ".join(f"{k} {v:.3g}" for k, v in values.items() if "loss" in k)
        values["data/images_per_second"] = round(speed, 2)
        if self._bad:
            values["data/bad_records"] = self._bad.count
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
