"""The job `evaluate`: feature sets to tasks/<dataset>/<task>.json, and a table."""

import dataclasses
import importlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import ml_collections
import numpy as np
from etils import epath

import gandl_jax
from gandl_jax import files, modules
from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles import feature_set, store
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import score_table
from gandl_jax.tasks.skip import Skip


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Runs the tasks whose inputs have changed and prints the scores side by side.

    Args:
      config: data.name and evaluate are read.
      workdir: with profiles/<dataset>/<encoder>/ from the job embed.

    Raises:
      InputError: an unknown task or feature set, missing or incomplete profiles, or a
        task asked for by name that the screen does not allow.
    """
    workdir = epath.Path(workdir)
    tasks = _tasks(config.evaluate.tasks)
    encoders = _encoders(workdir / "profiles" / config.data.name)
    options = {k: v for k, v in config.evaluate.items() if k != "tasks"}
    _check_headline(options["features"], encoders)
    inputs = _plain(
        {
            "profiles": {e.name: store.fingerprint(e) for e in encoders},
            "options": options,
            "version": gandl_jax.__version__,
        }
    )
    target = workdir / "tasks" / config.data.name
    paths = {name: target / f"{name}.json" for name in tasks}
    must = config.evaluate.tasks.strip() != "all"
    due = {
        name: task
        for name, task in tasks.items()
        if not _is_done(paths[name], inputs, must=must)
    }
    for name, result in _judge(due, encoders, options, must=must):
        _write(paths[name], {**result, "inputs": inputs})
        print(f"evaluate  wrote {paths[name]}", flush=True)
    print(_summary(paths, options["features"]), flush=True)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"gandl_jax.tasks.{name}")


def _tasks(wanted: str) -> dict[str, ModuleType]:
    """The modules of "all" tasks, or of names with commas between."""
    known, wanted = modules.names("tasks", "run"), wanted.strip()
    names = known if wanted == "all" else [name.strip() for name in wanted.split(",")]
    for name in names:
        if name not in known:
            raise InputError(f"there is no task {name!r}; {nearest(name, known)}")
    return {name: _module(name) for name in names}


def _encoders(profiles: epath.Path) -> list[epath.Path]:
    """The encoders' directories: highest step first, step 0 and others last."""
    found = [d for d in profiles.iterdir() if d.is_dir()] if profiles.is_dir() else []
    if not found:
        raise InputError(f"there are no profiles in {profiles}: run --job=embed first")
    return sorted(found, key=lambda d: (-(feature_set.step(d.name) or 0), d.name))


def _check_headline(features: str, encoders: list[epath.Path]) -> None:
    known = {name for encoder in encoders for name in store.widths(encoder)}
    if features not in known:
        raise InputError(
            f"config.evaluate.features is {features!r}, a set that no encoder has; "
            f"{nearest(features, known)}"
        )


def _read(encoders: list[epath.Path], headline: str) -> dict[str, FeatureSet]:
    """All sets under their full names, the headline's first."""
    sets = {}
    for encoder in encoders:
        saw_images = (feature_set.step(encoder.name) or 0) > 0
        for short_name, one in store.read(encoder).items():
            name = feature_set.full_name(encoder.name, short_name)
            sets[name] = dataclasses.replace(one, name=name, saw_images=saw_images)
    names = sorted(sets, key=lambda name: sets[name].short_name != headline)
    return feature_set.align({name: sets[name] for name in names})


def _judge(
    tasks: Mapping[str, ModuleType], encoders, options, *, must: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Plans every task before the first is run, so that bad input is told at once."""
    if not tasks:
        return
    print(f"evaluate  reading {len(encoders)} encoders' features", flush=True)
    sets = _read(encoders, options["features"])
    metadata = next(iter(sets.values())).metadata
    plans: dict[str, Any] = {}
    for name, task in tasks.items():
        try:
            plans[name] = task.splits(metadata, options)
        except Skip as reason:
            if must:
                raise InputError(f"task {name!r} cannot be run: {reason}") from reason
            plans[name] = reason
    for name, plan in plans.items():
        yield name, _result(name, tasks[name], sets, plan, options)


def _result(name: str, task, sets, plan, options) -> dict[str, Any]:
    if isinstance(plan, Skip):
        print(f"evaluate  {name} skipped: {plan}", flush=True)
        return {"rows": [], "skipped": str(plan)}
    print(f"evaluate  {name} begins", flush=True)
    start = time.monotonic()
    rows = task.run(sets, plan, **options)
    seconds = time.monotonic() - start
    print(f"evaluate  {name}: {len(rows)} rows in {seconds:.0f} s", flush=True)
    return {"rows": rows, "skipped": None}


def _is_done(path: epath.Path, inputs: dict[str, Any], *, must: bool) -> bool:
    """Whether an earlier run had the same inputs.

    One that was skipped does not do for a task that was asked for by name.
    """
    try:
        earlier = json.loads(path.read_text())
        return earlier["inputs"] == inputs and not (must and earlier["skipped"])
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return False


def _write(path: epath.Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_plain(content), indent=1, allow_nan=False)
    files.replace(path, text + "\n")


def _plain(value: Any) -> Any:
    """JSON has neither NumPy's numbers nor NaN."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _summary(paths: Mapping[str, epath.Path], features: str) -> str:
    """The table of what is on disk, whether it was made now or before."""
    stored = {name: json.loads(path.read_text()) for name, path in paths.items()}
    rows = [row for content in stored.values() for row in content["rows"]]
    skipped = [
        f"{name} skipped: {content['skipped']}"
        for name, content in stored.items()
        if content["skipped"]
    ]
    return "\n".join([score_table.text(rows, features), *skipped])
