"""The job `evaluate`: scores feature sets by tasks, and prints a table."""

import functools
import time
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import config as configs
from gandl_jax import modules, task_choice
from gandl_jax.errors import InputError, nearest
from gandl_jax.judging import task_results, task_runs, task_tables
from gandl_jax.judging.step_lines import StepLines
from gandl_jax.profiles import feature_set, joined, normalize, store
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.raw import screen
from gandl_jax.reading import labelling
from gandl_jax.tasks.skip import Skip

JOB = "evaluate"


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Runs the tasks whose inputs have changed and prints the scores side by side.

    Args:
      config: data, screen and evaluate are read; metadata of the records are taken from
        config.data.dir if the prepared screen is there, as labels may change.
      workdir: with profiles/<dataset>/<encoder>/ from the jobs embed and import.

    Raises:
      InputError: an unknown task, normalisation or feature set, missing, incomplete or
        broken profiles, or a task asked for by name that the screen does not allow.
    """
    workdir, dataset = epath.Path(workdir), screen.load(config).name
    names = task_choice.names(config.evaluate.tasks)
    tasks = {name: modules.load("tasks", name) for name in names}
    options = {name: configs.task_options(config, name) for name in tasks}
    for task_options in options.values():
        normalize.make(task_options["normalize"])
    features = config.evaluate.features
    encoders = task_results.encoders(JOB, workdir / "profiles" / dataset)
    _check_headline(features, encoders)
    records = task_results.records(JOB, config, dataset)
    if records is None:
        labelling.check_written(config, workdir, dataset)
    within = config.evaluate.within
    sets = AlignedSets(encoders, features, records, within, join=features)
    made_from = task_results.made_from(encoders, sets)
    made_from["labels"] = task_results.labels(config, records)
    inputs = task_results.inputs(made_from, options)
    target = workdir / "tasks" / dataset
    paths = {name: target / f"{name}.json" for name in tasks}
    must = not task_choice.are_all(config.evaluate.tasks)
    due = {
        name: task
        for name, task in tasks.items()
        if not task_results.is_done(paths[name], inputs[name], must=must)
    }
    with task_results.handing_out(config.evaluate.cluster if due else ""):
        for name, result in _judge(due, sets, encoders, options, must=must):
            task_results.write(paths[name], {**result, "inputs": inputs[name]})
            task_results.say(JOB, f"wrote {paths[name]}")
    print(_summary(paths, features), flush=True)


def _check_headline(features: str, encoders: list[epath.Path]) -> None:
    """Refuses a headline set that no encoder has, unless there are no networks."""
    known = {name for encoder in encoders for name in store.widths(encoder)}
    networks = [encoder for encoder in encoders if feature_set.is_network(encoder.name)]
    for part in joined.short_parts(features, known) if networks else ():
        if part not in known:
            raise InputError(
                f"config.evaluate.features is {features!r}, and no encoder has a set "
                f"{part!r}; {nearest(part, known)}"
            )


def _judge(
    tasks: Mapping[str, ModuleType], sets: AlignedSets, encoders, options, *, must: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Plans every task before the first is run, to refuse bad input at once."""
    if not tasks:
        return
    plans = {
        name: task_results.plan(
            JOB,
            name,
            functools.partial(task_runs.plan, task, sets.metadata, options[name]),
            must=must,
        )
        for name, task in tasks.items()
    }
    doubts = task_results.doubts(JOB, encoders, sets)
    for name, (plan, left_out) in plans.items():
        run = functools.partial(_result, name, tasks[name], sets, plan, options[name])
        result, noticed = task_results.run_with_remarks(JOB, name, run)
        yield name, result | {"warnings": doubts + left_out + noticed}


def _result(name: str, task, sets, plan, options) -> dict[str, Any]:
    if isinstance(plan, Skip):
        task_results.say(JOB, f"{name} skipped: {plan}")
        return {"rows": [], "skipped": str(plan)}
    task_results.say(JOB, f"{name} begins")
    start = time.monotonic()
    with StepLines(name):
        rows = task_runs.rows(task, sets, plan, options)
    seconds = time.monotonic() - start
    task_results.say(JOB, f"{name}: {len(rows)} rows in {seconds:.0f} s")
    return {"rows": rows, "skipped": None}


def _summary(paths: Mapping[str, epath.Path], features: str) -> str:
    """Makes the table of all results, whether made now or before."""
    stored = {name: task_results.read(path) for name, path in paths.items()}
    rows = {name: content["rows"] for name, content in stored.items()}
    skipped = [
        f"{name} skipped: {content['skipped']}"
        for name, content in stored.items()
        if content["skipped"]
    ]
    return "\n".join([task_tables.text(rows, features), *skipped])
