"""What an experiment has cost, in `cost.json` of its workdir, as plain figures.

The file has two parts, of which either may lack. "training" says of the training:

  step              steps completed
  since_step        step from which on it was measured: 0, unless a former version,
                    which measured nothing, trained until there
  steps, images     from there on to `step`
  batch             images a step
  stopped           {"step", "why"} once it is over, `PLANNED` or what the method said;
                    None before
  seconds           by the clock, of those steps, without compiling: "steps" (and the
                    wait for images), "checks" (whether all is sound), "validation",
                    "pictures", "checkpoints" (as long as the steps waited for them),
                    "counting" (the floating-point operations)
  compile_seconds   of all starts together
  redone            {"steps", "seconds"} that were lost to kills and roll-backs, and
                    are no part of `steps` and `seconds`; of a kill, those until the
                    last line of metrics.jsonl
  peak_host_bytes   the most resident memory of the (first host's) process, in all its
                    starts; with what ran in it before the training
  peak_device_bytes the most memory that one device has held; None where none tells
  flops_per_step    floating-point operations of a step, as XLA counts them before it
                    rewrites any; of a phase that runs every n-th step an n-th; None
                    where JAX has no CPU beside the devices, which counts
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

Costs are told, never obeyed: no job but the report and comparisons reads them, and a
file that is damaged or cannot be written keeps nothing from going on.
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
    """The figures, see above; None where nothing was measured.

    Raises:
      InputError: the file is damaged.
    """
    file = epath.Path(workdir) / FILE
    try:
        found = sealed_json.read_own(file)
        if not plain_data.fits(found, SHAPE):
            raise ValueError("a figure lacks, or is of another type than it should be")
        return found
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(
            f"{file} is damaged ({error}): restore it from a copy or delete it; no "
            "result depends on it"
        ) from error


def read_or_begin(workdir: epath.PathLike) -> dict[str, Any]:
    """As `read`, or {}; a damaged file goes, and one line says so."""
    try:
        return read(workdir) or {}
    except InputError:
        file = epath.Path(workdir) / FILE
        print(f"note: {file} is damaged: begun anew", flush=True)
        with contextlib.suppress(OSError):
            file.unlink()
        return {}


def write_training(workdir: epath.PathLike, figures: Mapping[str, Any]) -> None:
    """Writes what the training has cost so far."""
    _write(workdir, read_or_begin(workdir) | {"training": dict(figures)})


def write_embedding(
    workdir: epath.PathLike, dataset: str, encoder: str, figures: Mapping[str, Any]
) -> None:
    """Writes what the profiles of an encoder have cost."""
    content = read_or_begin(workdir)
    of_all = content.setdefault("embedding", {})
    of_all.setdefault(dataset, {})[encoder] = dict(figures)
    _write(workdir, content)


def end_training(workdir: epath.PathLike, step: int, why: str) -> None:
    """Writes that the training is over, unless that is known or nothing is."""
    content = read_or_begin(workdir)
    training = content.get("training")
    if training and training["step"] == step and not training["stopped"]:
        training["stopped"] = {"step": step, "why": why}
        _write(workdir, content)


def forget_training(workdir: epath.PathLike) -> None:
    """Lets go of a training that is begun from the start again."""
    content = read_or_begin(workdir)
    if content.pop("training", None):
        _write(workdir, content)


def now() -> str:
    """The date, as it stands in the file."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _write(workdir: epath.PathLike, content: Mapping[str, Any]) -> None:
    file = epath.Path(workdir) / FILE
    try:
        sealed_json.write(file, content)
    except OSError as error:
        print(f"note: {file} cannot be written: {error}", flush=True)
