"""Trains a method on a prepared screen, or resumes its training."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath

from gandl_jax import (
    checkpoint,
    compilation,
    costs,
    events,
    hosts,
    logs,
    parallel,
    preemption,
)
from gandl_jax import config as configs
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError, RunError
from gandl_jax.methods.scaled import scaled
from gandl_jax.reading import bad_records, stream
from gandl_jax.reading.padding import Padding
from gandl_jax.reading.side_by_side import SideBySide
from gandl_jax.training import (
    extra_share,
    looks,
    network_files,
    opening,
    resume_point,
    rollback,
    side_by_side,
    soundness,
    sources,
    starting_state,
    starting_weights,
    step_shapes,
    trained_on,
    training_records,
    validation,
)
from gandl_jax.training.cost_meter import Meter
from gandl_jax.training.generated_quality import crop_stream, schedule
from gandl_jax.training.grids import Grids
from gandl_jax.training.recorder import Recorder, read_notes
from gandl_jax.training.stop_rule import StopRule

INIT, STEPS, PICTURES = range(3)  # streams of random numbers


def run(config, workdir: epath.Path) -> None:
    """Trains until `config.train.total_images`; resumes from the last checkpoint.

    Raises:
      InputError: no prepared screen, a batch that the devices do not allow, or a
        checkpoint of another architecture or preparation.
      RunError: the training goes wrong too often, a checkpoint cannot be
        written, none is whole, or a stored record is damaged.
      Preempted: it was asked to stop, and has saved.
    """
    compilation.enable_cache()
    train = config.train
    milestone = configs.steps(train.milestone_every_images, train.batch)
    saved = checkpoint.Checkpoints(workdir, train.keep_checkpoints, milestone)
    newest = hosts.once(lambda: resume_point.newest(saved, workdir))
    total = configs.steps(train.total_images, train.batch)
    if newest is not None and newest >= total:
        print(f"train     is at {newest * train.batch:,} images: nothing to do")
        hosts.once(lambda: costs.end_training(workdir, newest, costs.PLANNED))
        return
    devices = parallel.all_host_devices(parallel.devices(train.devices))
    training = _open(config, workdir, saved, newest, devices)
    former = logs.Former.read(workdir, newest or 0)
    if newest and (why := training.why_done(newest, former)):
        print(f"train     is done at {newest * train.batch:,} images: {why}")
        hosts.once(lambda: costs.end_training(workdir, newest, why))
        return
    hosts.once(lambda: _note(workdir, training, devices))
    hosts.meet()  # all have looked for checkpoints before the first is saved
    if newest is None and (key := starting_weights.named_by(config)):
        known = starting_weights.describe(config)
        hosts.agree({f"what is in config.{key}": known["sha256"]})
        hosts.once(lambda: workdirs.note(workdir, "start", known))
    channels = len(training.records.source.channels)
    meter = Meter(workdir, config, training.method, channels, devices)
    state = training.start(newest)  # before any event: a refusal writes nothing
    recorded = _recorded_events(workdir, devices, newest or 0, saved)
    with recorded, contextlib.closing(saved):
        counting = functools.partial(training.count, meter, devices)
        phases = split_phases(training.method, devices, counting)
        print(f"train     on {parallel.describe(devices)}; the first step compiles")
        while True:
            try:
                with _explained_memory():
                    return training.go_on(phases, state, former, meter)
            except soundness.Trouble as trouble:
                with preemption.deferred():
                    newest = hosts.once(functools.partial(training.go_back, trouble))
            former = logs.Former.read(workdir, newest)
            state = training.start(newest)


def _open(config, workdir, saved, newest: int | None, devices) -> "_Training":
    """Opens the training.

    Raises:
      InputError: as in `run`.
    """
    train = config.train
    records = training_records.open_records(config)
    dataset, source = records.dataset, records.source
    hosts.agree({"the screen in config.data.dir": dataset.fingerprint})
    for note in training_records.notes(records):
        print(f"train     note: {note}", flush=True)
    method = opening.make_method(config, source)
    schedule.check(config, method)
    if records.extra:
        method = extra_share.CountedMethod(method)
    parallel.check_batch(train.batch, len(devices), method.unit, train.accumulate)
    architecture = sources.architecture(config, source)
    # Checked before anything is written.
    hosts.agree(
        {f"what is in config.{key}": digest for key, digest in _files(method).items()}
    )
    if newest is None:
        starting_state.published(config, method)
    else:
        saved.check(newest, architecture, configs.defaults(config))
    training = _Training(
        config=config,
        workdir=workdir,
        records=records,
        method=method,
        side_by_side=side_by_side.group_records(method, records),
        architecture=architecture | sources.note(source),
        saved=saved,
        bad=opening.bad_records_policy(config, dataset, workdir),
        total=configs.steps(train.total_images, train.batch),
    )
    training.batches(newest or 0)  # prints notes on crops and crops_per_site
    return training


def _files(method) -> dict[str, str]:
    """Returns {key of the config: digest} of the files that the method reads."""
    return method.files() if hasattr(method, "files") else {}


def _note(
    workdir: epath.Path, training: "_Training", devices: list[jax.Device]
) -> None:
    """Notes what is trained on, which a later run must agree with."""
    records, dataset = training.records, training.records.dataset
    workdirs.claim(
        workdir,
        "prepared",
        dataset.fingerprint,
        other="on another preparation of the screen: go back to the former "
        "config.data.dir",
    )
    if records.extra:
        workdirs.claim(
            workdir,
            "extra",
            list(records.extra.fingerprints),
            other="with other records in config.data.extra: put the former ones back",
        )
    if records.labels:
        workdirs.claim(
            workdir,
            "classes_sha256",
            records.labels_sha256(),
            other="with the records in other classes of config.data.label: go back to "
            "the former config.screen",
        )
    for key, digest in _files(training.method).items():
        workdirs.claim(
            workdir,
            f"{key.rpartition('.')[2]}_sha256",
            digest,
            other=f"with something else in config.{key}: put that file back",
        )
    workdirs.note(workdir, "metadata_sha256", dataset.metadata_sha256)
    workdirs.note(workdir, "devices", parallel.describe(devices))


@contextlib.contextmanager
def _recorded_events(workdir, devices, first: int, saved) -> Iterator[None]:
    """Records the events that begin and end a training."""

    def add(event: str, **details: Any) -> None:
        if hosts.leads():
            events.add(workdir, event, **details)

    add("started", step=first, devices=parallel.describe(devices))
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):  # the disk may be full
            add(_ending(error), why=str(error) or type(error).__name__)
        raise
    add("finished", step=saved.steps()[-1])


def _ending(error: BaseException) -> str:
    if isinstance(error, preemption.Preempted) and error.code == preemption.CODE:
        return "preempted"
    return "failed" if isinstance(error, Exception) else "interrupted"


@contextlib.contextmanager
def _explained_memory() -> Iterator[None]:
    """Raises RunError with a remedy for a device that is out of memory."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise RunError(
            "the devices' memory does not hold a training step: lower "
            "config.train.batch, or compute each batch in parts "
            f"(config.train.accumulate); {str(error).splitlines()[0][:200]}"
        ) from error


@dataclasses.dataclass(frozen=True)
class _Training:
    """The parts of a training that do not depend on the step it starts from."""

    config: Any
    workdir: epath.Path
    records: training_records.TrainingRecords
    method: Any
    side_by_side: SideBySide | None
    architecture: dict[str, Any]
    saved: checkpoint.Checkpoints
    bad: bad_records.BadRecords | None
    total: int

    def start(self, newest: int | None) -> Any:
        """Returns a checkpoint's state, or a new one, which is saved as step 0."""
        hosts.once(lambda: self.saved.tidy(newest))
        self.saved.reload()
        hosts.begin_at(newest or 0)
        key = stream_key(self.config, INIT)
        if newest is not None:
            shapes = jax.eval_shape(self.method.init, key)
            like = parallel.on_one_device(shapes)
            state = self.saved.restore(newest, "train", like)
            self._refuse_other_step(newest, int(state.step))
            return state
        state = starting_state.make(self.config, self.method, self.records.source, key)
        hosts.once(self._note_seen)
        hosts.once(lambda: costs.drop_training(self.workdir))
        self.saved.save(0, self.method.items(state), self.architecture)
        return state

    def _note_seen(self) -> None:
        """Writes the records that are seen, those of the starting networks too."""
        start = self.config.train.start_from
        is_workdir = start and not network_files.is_file(start)
        former = epath.Path(start) if is_workdir else None
        extra_seen = self.records.extra.seen if self.records.extra else None
        trained_on.write(self.workdir, self.records, former, extra_seen)

    def _refuse_other_step(self, folder: int, step: int) -> None:
        """Refuses a former version's checkpoint in a folder of another step."""
        if step != folder:
            raise InputError(
                f"the checkpoint {self.workdir / 'checkpoints' / str(folder)} holds "
                f"step {step}: rename that folder to {step}, or move it away"
            )

    def count(
        self,
        meter: Meter,
        devices: list[jax.Device],
        lowered: Sequence[jax.stages.Lowered],
    ) -> None:
        """Counts a step's floating-point operations once its phases are lowered.

        Phases lowered for one CPU without accumulation are counted as they are; others
        are lowered again, which takes seconds.
        """
        if parallel.is_one_cpu(devices) and self.config.train.accumulate == 1:
            counts = map(parallel.flops, lowered)
            meter.count(lambda: step_shapes.per_step(self.method, counts))
            return
        source = self.records.source
        meter.count(lambda: step_shapes.flops_per_step(self.config, source))

    def go_on(
        self,
        phases: Sequence[Callable],
        state: Any,
        former: logs.Former,
        meter: Meter,
    ) -> None:
        """Trains from the state after `former.step` to the end, which may come early.

        Raises:
          Trouble: it is no longer sound.
          Preempted: it was asked to stop, and has saved.
        """
        rollbacks = hosts.once(lambda: rollback.count(self.workdir))
        step_fn = in_turn(self.config, self.method, phases, rollbacks)
        steps = range(former.step, self.total)
        with contextlib.closing(self._recorder(former, meter)) as records:
            batches = self.batches(former.step, rollbacks)
            step, why = _loop(state, step_fn, batches, records, steps)
        why = why or costs.PLANNED
        hosts.once(lambda: costs.end_training(self.workdir, step, why))

    def _recorder(self, former: logs.Former, meter: Meter) -> Recorder:
        fixed = functools.cache(self._fixed_records)
        key = stream_key(self.config, PICTURES)
        return Recorder(
            self.config,
            self.workdir,
            method=self.method,
            architecture=self.architecture,
            saved=self.saved,
            bad=self.bad,
            former=former,
            total=self.total,
            looks=looks.Looks(
                getattr(self.method, "checks", ()),
                fixed=fixed,
                key=key,
                batch=self.config.train.batch,
                notes=self._notes(former.step),
            ),
            grids=Grids(
                self.workdir / "images",
                self.method,
                channels=self.architecture["data.channels"],
                classes=self.records.source.classes,
                fixed=fixed,
                key=key,
            ),
            validation=self.validation(former),
            meter=meter,
            generated=schedule.Schedule(
                self.config,
                self.workdir,
                self.method,
                self.records,
                functools.partial(judged_batches, self.config, self.records, self.bad),
                first=former.step,
                total=self.total,
            ),
            stop_rule=StopRule(self.config, self.workdir),
        )

    def why_done(self, newest: int, former: logs.Former) -> str:
        """Returns why the training was done early, at its newest checkpoint, or ""."""
        why = self.validation(former).why_done()
        return why or StopRule(self.config, self.workdir).why_done(newest)

    def validation(self, former: logs.Former) -> validation.Validation:
        """Returns the validation, with its history up to `former.step`."""
        not_logged = self._notes(former.step).get("metrics_not_logged", ())
        history = validation.history(former.lines, not_logged)
        return validation.Validation(
            self.config, self.method, self.records, self.bad, history
        )

    def _notes(self, step: int) -> dict[str, Any]:
        return read_notes(self.saved, step) if step else {}

    def batches(self, first: int, rollbacks: int = 0) -> Iterator[dict]:
        """Returns this host's part of the batches from a step on."""
        return training_batches(
            self.config,
            self.records,
            first,
            self.bad,
            side_by_side=self.side_by_side,
            seed=rollback.seed(self.config, rollbacks),
        )

    def go_back(self, trouble: soundness.Trouble) -> int:
        """Keeps evidence of the trouble; returns the checkpoint to go back to.

        Raises:
          RunError: the rollbacks are used up.
        """
        print(f"train     {trouble}", flush=True)
        self.saved.wait()
        rollbacks = rollback.count(self.workdir)
        seed = rollback.seed(self.config, rollbacks)
        batch = next(self._whole_batches(trouble.step - 1, seed))
        folder = rollback.keep_evidence(self.config, self.workdir, trouble, batch)
        if rollbacks >= self.config.train.rollbacks:
            raise rollback.used_up(self.config, trouble, folder)
        checks = getattr(self.method, "checks", ())
        step = resume_point.newest_sound(self.saved, self.workdir, trouble, checks)
        self.saved.tidy(step)  # before the event: if killed here, the trouble recurs
        events.add(
            self.workdir,
            "rolled_back",
            step=trouble.step,
            found=trouble.found,
            to=step,
            why=trouble.why,
            folder=folder.name,
        )
        print(
            f"train     goes back to step {step}, and on with other data "
            f"({rollbacks + 1} of at most {self.config.train.rollbacks} times); "
            f"{folder} holds the batch",
            flush=True,
        )
        return step

    def _fixed_records(self) -> dict:
        """Returns the records of looks and grids: always the same ones."""
        batch = looks.first_records(self._whole_batches(0, self.config.seed))
        px = configs.network_px(self.config)
        return batch | {"images": np.asarray(scaled(batch["images"], px))}

    def _whole_batches(self, first: int, seed: int) -> Iterator[dict]:
        return training_batches(
            self.config,
            self.records,
            first,
            self.bad,
            side_by_side=self.side_by_side,
            seed=seed,
            whole=True,
        )


def stream_key(config, stream_number: int) -> jax.Array:
    """Returns the key of one of the independent streams of random numbers."""
    return jax.random.fold_in(jax.random.key(config.seed), stream_number)


def training_batches(
    config,
    records: training_records.TrainingRecords,
    first_step: int,
    on_bad,
    *,
    side_by_side: SideBySide | None = None,
    seed: int | None = None,
    whole: bool = False,
) -> Iterator[dict]:
    """Streams the training batches from a step on; each host has its part of them.

    Args:
      config: the whole config.
      records: that are trained on.
      first_step: number of batches to leave out.
      on_bad: takes note of bad records; None fails.
      side_by_side: groups of records that the method wants together; None if any.
      seed: of the order; None is the config's.
      whole: whether every host gets whole batches.
    """
    data = config.data
    return stream.train_batches(
        records.dataset,
        channels=data.channels,
        scaling=data.scaling,
        illumination=data.illumination,
        crop_px=data.crop_px,
        batch=config.train.batch,
        seed=config.seed if seed is None else seed,
        first_step=first_step,
        flips=data.flips,
        rotations=data.rotations,
        padding=Padding(data.pad_px, data.padding),
        crops_per_site=data.crops_per_site,
        process=0 if whole else hosts.index(),
        processes=1 if whole else hosts.count(),
        labels=records.labels | extra_share.flags(records),
        rows=records.trained,
        side_by_side=side_by_side,
        on_bad=on_bad,
    )


def judged_batches(
    config, records: training_records.TrainingRecords, on_bad
) -> Iterator[dict]:
    """Whole training batches in an order of their own, for `generated_quality`.

    Args:
      config: the whole config.
      records: that are trained on.
      on_bad: takes note of bad records; None fails.

    Returns:
      Batches with the row of each sample, `crop_stream.RECORD`, among their labels.
    """
    told, seed = crop_stream.with_rows(records), crop_stream.order_seed(config)
    return training_batches(config, told, 0, on_bad, seed=seed, whole=True)


def make_step(config, method, devices: list[jax.Device]):
    """Makes a whole training step: the phases that are due, one after the other.

    Returns:
      A function of (state, batch, step) to (state, metrics).
    """
    return in_turn(config, method, split_phases(method, devices))


def split_phases(
    method,
    devices: list[jax.Device],
    after: Callable[[Sequence[jax.stages.Lowered]], None] = lambda lowered: None,
) -> list[Callable]:
    """Splits a method's phases over devices; `after` as in `parallel.split_all`."""
    return parallel.split_all([phase.fn for phase in method.phases], devices, after)


def in_turn(config, method, fns: Sequence[Callable], rollbacks: int = 0):
    """Makes a whole step of phases that are split over the devices already.

    Args:
      config: of the experiment.
      method: that the phases belong to.
      fns: a function for each phase.
      rollbacks: number of rollbacks so far; each changes all random numbers.
    """
    key = stream_key(config, STEPS)
    if rollbacks:
        key = jax.random.fold_in(key, 2**32 - rollbacks)  # no step has that number

    def advance(state, batch, step):
        metrics = {}
        for number, (phase, fn) in enumerate(zip(method.phases, fns, strict=True)):
            if step % phase.every == 0:
                phase_key = jax.random.fold_in(jax.random.fold_in(key, step), number)
                state, values = fn(state, batch, phase_key)
                metrics.update(soundness.in_causal_order(values))
        return state, metrics

    return advance


def _loop(state, step_fn, batches, recorder: Recorder, steps: range) -> tuple[int, str]:
    """Makes steps; returns the number completed, and why they end early, or ""."""
    # Record and save before the next batch is taken: a restart skips or repeats none.
    with contextlib.ExitStack() as stack:
        stops = None
        for step in steps:
            state, why_done = _advance(state, step_fn, batches, recorder, step)
            if why_done:
                recorder.finish(step + 1, state, why_done)
                return step + 1, why_done
            if stops is None:  # the first step compiles, and leaves nothing to save
                stops = stack.enter_context(preemption.deferred())
            if stops(step + 1):
                recorder.save(step + 1, state)
                hosts.meet()  # a host that leaves early would end the others
                raise preemption.stop_error(f"saved at step {step + 1}")
        recorder.wait()  # while requests to stop are still deferred
    return steps.stop, ""


def _advance(state, step_fn, batches, recorder: Recorder, step: int) -> tuple[Any, str]:
    batch = next(batches)
    state, metrics = step_fn(state, batch, step)
    return state, recorder.add(step + 1, state, metrics)
