"""Results of tasks and their inputs, for the jobs that judge feature sets."""

import contextlib
import functools
import hashlib
import math
import pathlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import ml_collections
import numpy as np
import pandas as pd
from etils import epath

import gandl_jax
from gandl_jax import cluster as clusters
from gandl_jax import config as configs
from gandl_jax import csv_files, modules, plain_data, sealed_json, task_choice
from gandl_jax.errors import InputError
from gandl_jax.prepared import prepared
from gandl_jax.profiles import feature_set, quality, store
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.reading import labelling
from gandl_jax.tasks import remarks, units
from gandl_jax.tasks.skip import LeftOut, Skip

RESULT = {  # schema of a result file
    "rows": [{str: object}],
    "skipped": (str, None),
    "inputs": {str: object},
}


def say(job: str, text: str) -> None:
    """Prints a line of a job."""
    print(f"{job:9} {text}", flush=True)


def encoders(job: str, profiles: epath.Path) -> list[epath.Path]:
    """Returns the encoders' directories: highest step first, step 0 and others last.

    Args:
      job: that reads them, for its lines.
      profiles: profiles/<dataset>.

    Raises:
      InputError: there are none.
    """
    directories = (
        [d for d in profiles.iterdir() if d.is_dir()] if profiles.is_dir() else []
    )
    begun = [d for d in directories if store.is_begun(d)]
    for directory in sorted(set(directories) - set(begun)):
        say(job, f"note: {directory} is empty and passed over")
    if not begun:
        raise InputError(f"there are no profiles in {profiles}: run --job=embed first")
    return sorted(begun, key=lambda d: (-(feature_set.step(d.name) or 0), d.name))


def records(
    job: str, config: ml_collections.ConfigDict, dataset: str
) -> pd.DataFrame | None:
    """Returns the prepared screen's table of records, with this config's labels.

    The shards are not needed.

    Args:
      job: that reads it, for its lines.
      config: data and screen are read.
      dataset: the screen's name.

    Returns:
      [N] rows; None if the screen is not here: then the labels are those that the
      profiles were written with, and a note is printed.

    Raises:
      InputError: the prepared screen is damaged, or does not have the config's labels.
    """
    directory = config.data.dir
    if directory and (epath.Path(directory) / prepared.DESCRIPTION).exists():
        description = prepared.read_description(directory)
        if description["name"] == dataset:
            opened = prepared.open_unchecked(directory, description)
            return labelling.label(config, opened).table
    say(
        job,
        f"note: {dataset} is not prepared in config.data.dir={directory!r}: controls "
        "and labels are those of when the features were written",
    )
    return None


def labels(
    config: ml_collections.ConfigDict, records: pd.DataFrame | None
) -> dict[str, Any]:
    """Returns the origin of the controls and labels of a result, stored with it.

    Args:
      config: of the experiment.
      records: as `records` returns them.

    Returns:
      "from": "config" or "profiles"; for a custom screen also the description of the
      records in `config.screen`, flat.
    """
    if records is None:
        return {"from": "profiles"}
    description = (
        configs.screen_description(config) if config.data.name == "own" else {}
    )
    return plain({"from": "config", **description})


def classifications(wanted: str = task_choice.ALL) -> list[str]:
    """Returns the tasks whose questions can be asked again within training parts.

    Args:
      wanted: tasks, as in config.evaluate.tasks.

    Raises:
      InputError: no wanted task is a classification.
    """
    able = modules.names("tasks", "questions")
    chosen = [name for name in task_choice.names(wanted) if name in able]
    if not chosen:
        raise InputError(
            f"config.evaluate.tasks={wanted!r} names no classification: name some of "
            f"{', '.join(able)}"
        )
    return chosen


def made_from(directories: Sequence[epath.Path], sets: AlignedSets) -> dict[str, Any]:
    """Returns the sources of scores, features and records, as plain data.

    Args:
      directories: of the encoders.
      sets: of these encoders.
    """
    return plain(
        {
            "profiles": {d.name: store.fingerprint(d) for d in directories},
            "metadata": digest(sets.metadata),
        }
    )


def inputs(
    made_from: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Returns the inputs of each task's scores; equal inputs give equal scores.

    Args:
      made_from: sources that all tasks have in common, as in `made_from`.
      options: of each task.

    Returns:
      Task to plain data.
    """
    shared = {**made_from, "version": gandl_jax.__version__}
    return {
        task: plain({**shared, "options": task_options, "code": code(task)})
        for task, task_options in options.items()
    }


def code(task: str) -> str:
    """Returns a digest of the modules that a task's scores depend on."""
    digest, package = hashlib.sha256(), pathlib.Path(gandl_jax.__file__).parent
    other_tasks = {
        f"{name}.py" for name in modules.names("tasks", "run") if name != task
    }
    for folder, unused in (("profiles", set()), ("tasks", other_tasks)):
        for file in sorted((package / folder).glob("*.py")):
            if file.name not in unused:
                digest.update(file.read_bytes())
    return digest.hexdigest()


def plan(job: str, name: str, make: Callable[[], Any], *, must: bool) -> tuple:
    """Plans a task.

    Args:
      job: that runs it, for its lines.
      name: of the task.
      make: makes its plan, warns (LeftOut) or raises Skip.
      must: raise an error if the screen does not allow the task.

    Returns:
      The plan, or the Skip with the reason that there is none; and notes on left-out
      parts.

    Raises:
      InputError: there is no plan, and there must be one.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LeftOut)
        try:
            task_plan = make()
        except Skip as reason:
            if must:
                raise InputError(f"task {name!r} cannot be run: {reason}") from reason
            task_plan = reason
    left_out = []
    for warning in caught:
        if issubclass(warning.category, LeftOut):
            left_out.append(str(warning.message))
            say(job, f"note: {name}: {warning.message}")
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return task_plan, left_out


def run_with_remarks(
    job: str, name: str, make: Callable[[], Any]
) -> tuple[Any, list[str]]:
    """Runs a task, and prints its remarks.

    Args:
      job: that runs it, for its lines.
      name: of the task.
      make: makes its result.

    Returns:
      The result, and the remarks of the task, such as doubts about normalisation.
    """
    with remarks.collected() as noticed:
        result = make()
    sentences = remarks.sentences(noticed)
    for sentence in sentences:
        say(job, f"note: {name}: {sentence}")
    return result, sentences


def plan_all(
    job: str,
    due: Sequence[str],
    make: Callable[[str, ModuleType], Any],
    *,
    wanted: Sequence[str],
    purpose: str,
) -> dict[str, tuple]:
    """Plans every classification before the first is run: refuses bad input early.

    Args:
      job: that runs them, for its lines.
      due: names, of `classifications`.
      make: makes the plan of a task's name and module, warns (LeftOut) or raises Skip.
      wanted: all names that the job asks for, including those already done.
      purpose: verb for the message: there is nothing to <purpose> by.

    Returns:
      Name -> the result of `plan`.

    Raises:
      InputError: the screen allows no classification.
    """
    plans = {}
    for name in due:
        task = modules.load("tasks", name)
        plans[name] = plan(job, name, functools.partial(make, name, task), must=False)
    skipped = [
        name for name, (task_plan, _) in plans.items() if isinstance(task_plan, Skip)
    ]
    if len(skipped) == len(wanted):
        reasons = "; ".join(
            f"{name}: {task_plan}" for name, (task_plan, _) in plans.items()
        )
        raise InputError(f"there is nothing to {purpose} by: {reasons}")
    return plans


def results(
    job: str,
    folder: epath.Path,
    inputs: Mapping[str, Mapping[str, Any]],
    make: Callable[[list[str]], Iterator[tuple[str, dict[str, Any], Sequence]]],
    *,
    done: str,
    cluster: str,
) -> list[dict[str, Any]]:
    """Returns the results of classifications, computed anew if inputs changed.

    Args:
      job: that makes them, for its lines.
      folder: of <task>.json, and of the tables <task>.csv beside them.
      inputs: of each classification, in order.
      make: takes the names that are due, yields name, result and rows of the table of
        each.
      done: line that is printed if nothing is due.
      cluster: config.evaluate.cluster, the address of the cluster for units of work.

    Returns:
      The stored results, in the order of `inputs`.
    """
    paths = {name: folder / f"{name}.json" for name in inputs}
    due = [n for n in paths if not is_done(paths[n], inputs[n], must=False)]
    if not due:
        say(job, done)
    with handing_out(cluster if due else ""):
        for name, content, table in make(due) if due else ():
            _write_table(paths[name].with_suffix(".csv"), table)
            write(paths[name], {**content, "inputs": inputs[name]})
            say(job, f"wrote {paths[name]}")
    return list(map(read, paths.values()))


@contextlib.contextmanager
def handing_out(address: str) -> Iterator[None]:
    """Hands units of work within the block to a cluster; if "", none.

    Raises:
      InputError: the cluster cannot be reached or used.
    """
    with clusters.connected(address) as helpers, units.handed_to(helpers):
        yield


def _write_table(path: epath.Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows as CSV; without rows, deletes a former table."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    csv_files.write(path, pd.DataFrame(rows))


def doubts(job: str, directories: Sequence[epath.Path], sets: AlignedSets) -> list[str]:
    """Returns and prints doubts about features and records; reads all features.

    Args:
      job: that judges them, for its lines.
      directories: of the encoders.
      sets: of these encoders.

    Raises:
      InputError: features that are not finite.
    """
    say(job, f"reading {len(directories)} encoders' features")
    sentences = [
        sentence
        for directory in directories
        for sentence in quality.check_features(directory)
    ]
    sentences += [*_judged_part(sets), *quality.doubts(sets.metadata)]
    for sentence in sentences:
        say(job, f"note: {sentence}")
    return sentences


def is_done(path: epath.Path, inputs: Mapping[str, Any], *, must: bool) -> bool:
    """Tells whether an earlier run had the same inputs.

    Args:
      path: of its result.
      inputs: its current inputs.
      must: a skipped result counts as not done.
    """
    try:
        earlier = read(path)
    except FileNotFoundError:
        return False
    except ValueError:
        print(f"note: {path} is damaged or old: it is made again", flush=True)
        return False
    return earlier["inputs"] == inputs and not (must and earlier["skipped"])


def read(path: epath.Path) -> dict[str, Any]:
    """Reads a result that a job of this version wrote.

    Args:
      path: of the file.

    Raises:
      FileNotFoundError: there is none.
      ValueError: it is damaged, or of a former version.
    """
    content = sealed_json.read_own(path)
    if not plain_data.fits(content, RESULT):
        raise ValueError("it is no result")
    return content


def write(path: epath.Path, content: Mapping[str, Any]) -> None:
    """Writes a result as JSON, with a digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sealed_json.write(path, plain(content))


def plain(value: Any) -> Any:
    """Converts a value to JSON's types: no NumPy numbers, None for NaN."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _judged_part(sets: AlignedSets) -> Iterator[str]:
    unit = "wells" if sets.by_well else "records"
    if sets.by_well:
        yield "one table is by well: all sets are judged by the means of their wells"
    if sets.common < sets.records:
        yield (
            f"{sets.common:,} of {sets.records:,} {unit} are in all sets; only those "
            "are judged"
        )
    if sets.within:
        yield (
            f"{len(sets.metadata):,} of {sets.common:,} {unit} are judged, those of "
            f"{sets.within} (config.evaluate.within)"
        )


def digest(metadata: pd.DataFrame) -> str:
    """Returns the SHA-256, in hex, of a table's columns and values."""
    total = hashlib.sha256("\n".join(metadata.columns).encode())
    total.update(pd.util.hash_pandas_object(metadata, index=False).to_numpy())
    return total.hexdigest()
