"""The job `evaluate`: feature sets to tasks/<dataset>/<task>.json, and a table."""

import hashlib
import importlib
import json
import math
import pathlib
import time
import warnings
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

import gandl_jax
from gandl_jax import config as configs
from gandl_jax import files, modules
from gandl_jax.datasets import prepared, screen
from gandl_jax.errors import InputError, nearest
from gandl_jax.profiles import feature_set, normalize, quality, store
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.tasks import score_table
from gandl_jax.tasks.skip import LeftOut, Skip


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Runs the tasks whose inputs have changed and prints the scores side by side.

    Args:
      config: data, screen and evaluate are read; what is known of the records is taken
        from config.data.dir where the prepared screen is there, as labels may change.
      workdir: with profiles/<dataset>/<encoder>/ from the jobs embed and import.

    Raises:
      InputError: an unknown task, normalisation or feature set, missing, incomplete or
        broken profiles, or a task asked for by name that the screen does not allow.
    """
    workdir, dataset = epath.Path(workdir), screen.load(config).name
    tasks = _tasks(config.evaluate.tasks)
    normalize.make(config.evaluate.normalize)
    encoders = _encoders(workdir / "profiles" / dataset)
    options = {k: v for k, v in config.evaluate.items() if k != "tasks"}
    _check_headline(options["features"], encoders)
    sets = AlignedSets(encoders, options["features"], _records(config, dataset))
    inputs = _plain(
        {
            "profiles": {e.name: store.fingerprint(e) for e in encoders},
            "metadata": _digest(sets.metadata),
            "options": options,
            "version": gandl_jax.__version__,
            "code": _code(),
        }
    )
    target = workdir / "tasks" / dataset
    paths = {name: target / f"{name}.json" for name in tasks}
    must = config.evaluate.tasks.strip() != "all"
    due = {
        name: task
        for name, task in tasks.items()
        if not _is_done(paths[name], inputs, must=must)
    }
    for name, result in _judge(due, sets, encoders, options, must=must):
        _write(paths[name], {**result, "inputs": inputs})
        print(f"evaluate  wrote {paths[name]}", flush=True)
    print(_summary(paths, options["features"]), flush=True)


def _code() -> str:
    """A digest of the modules that scores come from: other code, other scores."""
    digest, package = hashlib.sha256(), pathlib.Path(gandl_jax.__file__).parent
    for folder in ("profiles", "tasks"):
        for file in sorted((package / folder).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


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
    every = [d for d in profiles.iterdir() if d.is_dir()] if profiles.is_dir() else []
    found = [d for d in every if store.is_begun(d)]
    for directory in sorted(set(every) - set(found)):
        print(f"evaluate  note: {directory} is empty and passed over", flush=True)
    if not found:
        raise InputError(f"there are no profiles in {profiles}: run --job=embed first")
    return sorted(found, key=lambda d: (-(feature_set.step(d.name) or 0), d.name))


def _check_headline(features: str, encoders: list[epath.Path]) -> None:
    """The headline set is a network's; where there is none, other sets stand alone."""
    known = {name for encoder in encoders for name in store.widths(encoder)}
    networks = [e for e in encoders if feature_set.step(e.name) is not None]
    if networks and features not in known:
        raise InputError(
            f"config.evaluate.features is {features!r}, a set that no encoder has; "
            f"{nearest(features, known)}"
        )


def _records(config: ml_collections.ConfigDict, dataset: str) -> pd.DataFrame | None:
    """The prepared screen's table of records; None where it is not here."""
    directory = config.data.dir
    if not directory or not prepared.is_complete(directory):
        return None
    opened = prepared.open_prepared(directory)
    if opened.name != dataset:
        return None
    before = opened.description["plan"].get(prepared.LABELS)
    if before is not None and before != configs.labels(config):
        print(
            f"evaluate  note: config.screen has changed since {directory} was "
            "prepared: run --job=prepare first, which makes its labels count",
            flush=True,
        )
    return opened.table


def _digest(metadata: pd.DataFrame) -> str:
    """SHA-256, in hex, of a table's columns and values."""
    digest = hashlib.sha256("\n".join(metadata.columns).encode())
    digest.update(pd.util.hash_pandas_object(metadata, index=False).to_numpy())
    return digest.hexdigest()


def _judge(
    tasks: Mapping[str, ModuleType], sets: AlignedSets, encoders, options, *, must: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Plans every task before the first is run, so that bad input is told at once."""
    if not tasks:
        return
    print(f"evaluate  reading {len(encoders)} encoders' features", flush=True)
    plans = {
        name: _plan(name, task, sets.metadata, options, must=must)
        for name, task in tasks.items()
    }
    doubts = [line for e in encoders for line in quality.check_features(e)]
    doubts += [*_who_is_judged(sets), *quality.doubts(sets.metadata)]
    for line in doubts:
        print(f"evaluate  note: {line}", flush=True)
    for name, (plan, left_out) in plans.items():
        result = _result(name, tasks[name], sets, plan, options)
        yield name, result | {"warnings": doubts + left_out}


def _plan(name: str, task, metadata, options, *, must: bool) -> tuple[Any, list[str]]:
    """A task's splits, or why there are none; and what the task leaves out."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LeftOut)
        try:
            plan = task.splits(metadata, options)
        except Skip as reason:
            if must:
                raise InputError(f"task {name!r} cannot be run: {reason}") from reason
            plan = reason
    left_out = []
    for warning in caught:
        if issubclass(warning.category, LeftOut):
            left_out.append(str(warning.message))
            print(f"evaluate  note: {name}: {warning.message}", flush=True)
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return plan, left_out


def _who_is_judged(sets: AlignedSets) -> Iterator[str]:
    kind = "wells" if sets.by_well else "records"
    if sets.by_well:
        yield "one table is by well: all sets are judged by the means of their wells"
    if len(sets.metadata) < sets.records:
        yield (
            f"{len(sets.metadata):,} of {sets.records:,} {kind} are in all sets; only "
            "those are judged"
        )


def _result(name: str, task, sets, plan, options) -> dict[str, Any]:
    if isinstance(plan, Skip):
        print(f"evaluate  {name} skipped: {plan}", flush=True)
        return {"rows": [], "skipped": str(plan)}
    print(f"evaluate  {name} begins", flush=True)
    start = time.monotonic()
    others = {key: value for key, value in options.items() if key != "splits"}
    rows = task.run(sets, plan, **others)
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
