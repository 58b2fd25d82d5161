"""The cost of an experiment, in `cost.json` of its workdir, as plain figures.

The file has two parts, of which either may be missing. "training" is of the training:

  step              steps completed
  since_step        step from which on it was measured: 0, unless a former version,
                    which measured nothing, trained until there
  steps, images     from there on to `step`
  batch             images a step
  stopped           {"step", "why"} once it is over, `PLANNED` or the method's reason;
                    None before
  seconds           by the clock, of those steps, without compiling: "steps" (and the
                    wait for images), "checks" (whether all is sound), "validation",
                    "pictures", "checkpoints" (as long as the steps waited for them),
                    "counting" (the floating-point operations)
  compile_seconds   of all starts together
  redone            {"steps", "seconds"} that were lost to kills and rollbacks, and are
                    not part of `steps` and `seconds`; for a kill, those until the last
                    line of metrics.jsonl
  peak_host_bytes   the most resident memory of the (first host's) process, in all its
                    starts; with jobs that ran in it before the training
  peak_device_bytes the most memory that one device has held; None if none reports it
  flops_per_step    floating-point operations of a step, as XLA counts them before it
                    rewrites any; a phase that runs every n-th step counts an n-th; None
                    if JAX has no CPU beside the devices to count on
  parameters        "encoder": those that embedding uses; "encoder_by_name": the same
                    by their two uppermost names; "state": all numbers that training
                    keeps, optimisers and averages too; "state_by_name"
  device, devices, hosts   kind of the devices, and numbers
  began, written    dates (ISO 8601)

"embedding" is {dataset: {encoder: figures}} with these figures, of the last run that
wrote parts of those profiles:

  widths            {feature set: number of features}
  sites             records embedded in that run, by all hosts
  seconds           by the clock, from the shards to the parts, without compiling
  sites_per_second
  compile_seconds
  device, devices, hosts   as above; device is None where no network embeds
  written           date

Costs are informative only: no job but the report and comparisons reads them, and a file
that is damaged or cannot be written stops no job.
"""

import contextlib
import datetime
from collections.abc import Mapping
from typing import Any

from etils import epath

from gandl_jax import plain_data, sealed_json
from gandl_jax.errors import InputError

FILE = "cost.json"
PLANNED = "it came to its planned end"
TRAINING = {
    "step": int,
    "since_step": int,
    "steps": int,
    "images": int,
    "batch": int,
    "stopped": ({"step": int, "why": str}, None),
    "seconds": {str: float},
    "compile_seconds": float,
    "redone": {"steps": int, "seconds": float},
    "peak_host_bytes": int,
    "peak_device_bytes": (int, None),
    "flops_per_step": (float, None),
    "parameters": {
        "encoder": int,
        "encoder_by_name": {str: int},
        "state": int,
        "state_by_name": {str: int},
    },
    "device": str,
    "devices": int,
    "hosts": int,
    "began": str,
    "written": str,
}
EMBEDDING = {
    "widths": {str: int},
    "sites": int,
    "seconds": float,
    "sites_per_second": float,
    "compile_seconds": float,
    "device": (str, None),
    "devices": int,
    "hosts": int,
    "written": str,
}
SHAPE = {"training?": TRAINING, "embedding?": {str: {str: EMBEDDING}}}


def read(workdir: epath.PathLike) -> dict[str, Any] | None:
    """Reads the figures, see above; None if nothing was measured.

    Raises:
      InputError: the file is damaged.
    """
    file = epath.Path(workdir) / FILE
    try:
        figures = sealed_json.read_own(file)
        if not plain_data.fits(figures, SHAPE):
            raise ValueError("a figure lacks, or is of another type than it should be")
        return figures
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(
            f"{file} is damaged ({error}): restore it from a copy or delete it; no "
            "result depends on it"
        ) from error


def read_or_begin(workdir: epath.PathLike) -> dict[str, Any]:
    """Reads the figures, or {}; deletes a damaged file, with a line."""
    try:
        return read(workdir) or {}
    except InputError:
        file = epath.Path(workdir) / FILE
        print(f"note: {file} is damaged: begun anew", flush=True)
        with contextlib.suppress(OSError):
            file.unlink()
        return {}


def write_training(workdir: epath.PathLike, figures: Mapping[str, Any]) -> None:
    """Writes the cost of the training so far."""
    _write(workdir, read_or_begin(workdir) | {"training": dict(figures)})


def write_embedding(
    workdir: epath.PathLike, dataset: str, encoder: str, figures: Mapping[str, Any]
) -> None:
    """Writes the cost of the profiles of an encoder."""
    content = read_or_begin(workdir)
    embeddings = content.setdefault("embedding", {})
    embeddings.setdefault(dataset, {})[encoder] = dict(figures)
    _write(workdir, content)


def end_training(workdir: epath.PathLike, step: int, why: str) -> None:
    """Notes that the training is over, if it was measured and is not noted yet."""
    content = read_or_begin(workdir)
    training = content.get("training")
    if training and training["step"] == step and not training["stopped"]:
        training["stopped"] = {"step": step, "why": why}
        _write(workdir, content)


def drop_training(workdir: epath.PathLike) -> None:
    """Drops the figures of a training that is started again."""
    content = read_or_begin(workdir)
    if content.pop("training", None):
        _write(workdir, content)


def now() -> str:
    """Returns the present date, as written in the file."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _write(workdir: epath.PathLike, content: Mapping[str, Any]) -> None:
    file = epath.Path(workdir) / FILE
    try:
        sealed_json.write(file, content)
    except OSError as error:
        print(f"note: {file} cannot be written: {error}", flush=True)
