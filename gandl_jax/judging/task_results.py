"""What the jobs that judge features share: which sets, made from what, done already?"""

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

RESULT = {  # of a job, as a file
    "rows": [{str: object}],
    "skipped": (str, None),
    "inputs": {str: object},
}


def say(job: str, words: str) -> None:
    """Prints a line of a job."""
    print(f"{job:9} {words}", flush=True)


def encoders(job: str, profiles: epath.Path) -> list[epath.Path]:
    """The encoders' directories: highest step first, step 0 and others last.

    Args:
      job: that reads them, for its lines.
      profiles: profiles/<dataset>.

    Raises:
      InputError: there are none.
    """
    every = [d for d in profiles.iterdir() if d.is_dir()] if profiles.is_dir() else []
    found = [d for d in every if store.is_begun(d)]
    for directory in sorted(set(every) - set(found)):
        say(job, f"note: {directory} is empty and passed over")
    if not found:
        raise InputError(f"there are no profiles in {profiles}: run --job=embed first")
    return sorted(found, key=lambda d: (-(feature_set.step(d.name) or 0), d.name))


def records(
    job: str, config: ml_collections.ConfigDict, dataset: str
) -> pd.DataFrame | None:
    """The prepared screen's table of records, by this config's labels.

    The shards need not be there.

    Args:
      job: that reads it, for its lines.
      config: data and screen are read.
      dataset: the screen's name.

    Returns:
      [N] rows; None where the screen is not here: then the labels are those that the
      profiles were written with, which is said.

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
    """Where the controls and labels of a result are from, to be kept with it.

    Args:
      config: of the experiment.
      records: as from `records`.

    Returns:
      "from": "config" or "profiles"; of a screen of one's own also what
      `config.screen` says of the records, flat.
    """
    if records is None:
        return {"from": "profiles"}
    own = configs.screen_description(config) if config.data.name == "own" else {}
    return plain({"from": "config", **own})


def classifications(wanted: str = task_choice.ALL) -> list[str]:
    """Returns the tasks whose questions can be asked again within training parts.

    Args:
      wanted: as config.evaluate.tasks names tasks.

    Raises:
      InputError: no task that is wanted is one.
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
    """The features and records that scores come from, as plain data.

    Args:
      directories: of the encoders.
      sets: of those.
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
    """All that the scores of each task come from: where it is the same, they are.

    Args:
      made_from: what all tasks have in common, as of `made_from`.
      options: of each task.

    Returns:
      Task to plain data.
    """
    shared = {**made_from, "version": gandl_jax.__version__}
    return {
        task: plain({**shared, "options": own, "code": code(task)})
        for task, own in options.items()
    }


def code(task: str) -> str:
    """A digest of the modules that a task's scores come from, of no other task's."""
    digest, package = hashlib.sha256(), pathlib.Path(gandl_jax.__file__).parent
    others = {f"{name}.py" for name in modules.names("tasks", "run") if name != task}
    for folder, left_out in (("profiles", set()), ("tasks", others)):
        for file in sorted((package / folder).glob("*.py")):
            if file.name not in left_out:
                digest.update(file.read_bytes())
    return digest.hexdigest()


def plan(job: str, name: str, make: Callable[[], Any], *, must: bool) -> tuple:
    """Plans a task.

    Args:
      job: that runs it, for its lines.
      name: of the task.
      make: gives its plan, warns (LeftOut) or raises Skip.
      must: whether a task that the screen does not allow is an error.

    Returns:
      The plan, or the Skip that says why there is none; and what it leaves out.

    Raises:
      InputError: there is no plan, and there must be one.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LeftOut)
        try:
            made = make()
        except Skip as reason:
            if must:
                raise InputError(f"task {name!r} cannot be run: {reason}") from reason
            made = reason
    left_out = []
    for warning in caught:
        if issubclass(warning.category, LeftOut):
            left_out.append(str(warning.message))
            say(job, f"note: {name}: {warning.message}")
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return made, left_out


def noted(job: str, name: str, make: Callable[[], Any]) -> tuple[Any, list[str]]:
    """Runs a task.

    Args:
      job: that runs it, for its lines.
      name: of the task.
      make: gives its result.

    Returns:
      The result, and what the task noticed while it ran: doubts about normalisation.
    """
    with remarks.kept() as found:
        made = make()
    sentences = remarks.sentences(found)
    for words in sentences:
        say(job, f"note: {name}: {words}")
    return made, sentences


def planned(
    job: str,
    due: Sequence[str],
    make: Callable[[str, ModuleType], Any],
    *,
    asked: Sequence[str],
    why: str,
) -> dict[str, tuple]:
    """Plans every classification before the first is run: bad input is refused at once.

    Args:
      job: that runs them, for its lines.
      due: names, of `classifications`.
      make: from a task's name and module to its plan, warns (LeftOut) or raises Skip.
      asked: all names that the job asks for, those too that are done.
      why: what the job would do with them, for the message.

    Returns:
      By name what `plan` gives.

    Raises:
      InputError: the screen allows no classification.
    """
    plans = {}
    for name in due:
        task = modules.load("tasks", name)
        plans[name] = plan(job, name, functools.partial(make, name, task), must=False)
    skipped = [name for name, (made, _) in plans.items() if isinstance(made, Skip)]
    if len(skipped) == len(asked):
        reasons = "; ".join(f"{name}: {made}" for name, (made, _) in plans.items())
        raise InputError(f"there is nothing to {why} by: {reasons}")
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
    """The results of each classification, made anew where their inputs have changed.

    Args:
      job: that makes them, for its lines.
      folder: of <task>.json, and of a table beside it as <task>.csv.
      inputs: of each classification, in order.
      make: from the names that are due to each name, result and rows of its table.
      done: what is said where nothing is due.
      cluster: config.evaluate.cluster, that units of work are handed to.

    Returns:
      What is on disk, in the order of `inputs`.
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
    """Hands units of work within the block to a cluster; "" computes them here.

    Raises:
      InputError: the cluster cannot be reached, or not be used.
    """
    with clusters.connected(address) as helpers, units.handed_to(helpers):
        yield


def _write_table(path: epath.Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows as CSV; of none, no table stays behind."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    csv_files.write(path, pd.DataFrame(rows))


def doubts(job: str, directories: Sequence[epath.Path], sets: AlignedSets) -> list[str]:
    """What is odd about features and records, printed too; reads all features.

    Args:
      job: that judges them, for its lines.
      directories: of the encoders.
      sets: of those.

    Raises:
      InputError: features that are not finite.
    """
    say(job, f"reading {len(directories)} encoders' features")
    found = [line for d in directories for line in quality.check_features(d)]
    found += [*_who_is_judged(sets), *quality.doubts(sets.metadata)]
    for line in found:
        say(job, f"note: {line}")
    return found


def is_done(path: epath.Path, inputs: Mapping[str, Any], *, must: bool) -> bool:
    """Whether an earlier run had the same inputs.

    Args:
      path: of its result.
      inputs: what it would come from now.
      must: whether one that was skipped does not do.
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
    """What a job of this version wrote as its result.

    Args:
      path: of the file.

    Raises:
      FileNotFoundError: there is none.
      ValueError: it is not as it was written, or of a former version.
    """
    found = sealed_json.read_own(path)
    if not plain_data.fits(found, RESULT):
        raise ValueError("it is no result")
    return found


def write(path: epath.Path, content: Mapping[str, Any]) -> None:
    """Writes a result as JSON, with a digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sealed_json.write(path, plain(content))


def plain(value: Any) -> Any:
    """The value as JSON has it, which has neither NumPy's numbers nor NaN."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _who_is_judged(sets: AlignedSets) -> Iterator[str]:
    kind = "wells" if sets.by_well else "records"
    if sets.by_well:
        yield "one table is by well: all sets are judged by the means of their wells"
    if sets.common < sets.records:
        yield (
            f"{sets.common:,} of {sets.records:,} {kind} are in all sets; only those "
            "are judged"
        )
    if sets.within:
        yield (
            f"{len(sets.metadata):,} of {sets.common:,} {kind} are judged, those of "
            f"{sets.within} (config.evaluate.within)"
        )


def digest(metadata: pd.DataFrame) -> str:
    """SHA-256, in hex, of a table's columns and values."""
    total = hashlib.sha256("\n".join(metadata.columns).encode())
    total.update(pd.util.hash_pandas_object(metadata, index=False).to_numpy())
    return total.hexdigest()
