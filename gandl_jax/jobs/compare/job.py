"""The job `compare`: which way of learning features suits a screen?

Takes workdirs of one screen (config.compare.workdirs, patterns too; after a sweep its
runs), and judges their headline sets on the same records and folds, trained beside
untrained, beside floors. Seeds are replicates. Records that one holds out are held out
for all; networks that were trained on everything stand in a second table.

Each answers by its headline set; with config.compare.choose_sets also by the set that
each fold chooses within its training part.

Writes compare/<dataset>/<task>.json, its rows as <task>.csv, and index.html, which
shows them all, with scores, pairs of arms and costs as data/*.csv. Of a sweep the
scores are kept as config.sweep.results/<sweep>/<screen>_compared.csv too.
"""

from collections.abc import Sequence
from typing import Any

import ml_collections
import pandas as pd
from etils import epath

from gandl_jax import config as configs
from gandl_jax import free_disk, modules
from gandl_jax.errors import InputError
from gandl_jax.jobs.compare import kept, page, spent, text
from gandl_jax.jobs.compare.bench import Bench
from gandl_jax.judging import (
    comparing,
    entrants,
    seed_workdirs,
    task_results,
    task_tables,
)
from gandl_jax.judging.entrants import Entrant
from gandl_jax.raw import screen
from gandl_jax.reading import labelling

JOB = "compare"
FOLDER = "compare"
WORKDIR = "unclaimed"
WRITTEN_BYTES = 64_000_000  # at most: answers, results, the page and its tables (ours)


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Compares by each task whose inputs have changed; prints a table, writes a page.

    Args:
      config: data, screen, evaluate, compare and sweep are read.
      workdir: of the comparison.

    Raises:
      InputError: no free disk, workdirs that cannot be compared, missing, incomplete
        or broken profiles, or a screen that allows no task.
    """
    free_disk.require(workdir, WRITTEN_BYTES, "a comparison")
    workdir, dataset = epath.Path(workdir), screen.load(config).name
    folders = _folders(config, workdir)
    compared = entrants.read(JOB, folders, dataset)
    if len({one.arm for one in compared}) < 2:
        raise InputError(
            f"{len(folders)} workdirs are of one method and recipe: name others beside "
            "them, or compare seeds by --job=compare_seeds"
        )
    records = task_results.records(JOB, config, dataset)
    for folder in folders if records is None else ():
        labelling.check_written(config, folder, dataset)
    within = config.evaluate.within
    opened = [one.open(records, within) for one in compared]
    seed_workdirs.check_records([one.folder for one in compared], opened)
    options = {n: _options(config, n) for n in _tasks(config.evaluate.tasks)}
    made_from = [
        task_results.made_from(one.encoders, sets)
        for one, sets in zip(compared, opened, strict=True)
    ]
    metadata = _metadata(compared, opened)
    del opened  # with features in memory
    target = workdir / FOLDER / dataset
    bench = Bench(
        job=JOB,
        compared=compared,
        made_from=made_from,
        records=records,
        within=within,
        metadata=metadata,
        options=options,
        folder=target / "answers",
    )
    named = {_name(o): made for o, made in zip(compared, made_from, strict=True)}
    named["labels"] = task_results.labels(config, records)
    contents = task_results.results(
        JOB,
        target,
        task_results.inputs(named, options),
        bench.comparisons,
        done="nothing has changed since it was compared",
        cluster=config.evaluate.cluster,
    )
    for content in contents:
        print(text.summary(content), flush=True)
    cost = spent.of_arms(compared)
    page.write(target, compared, contents, cost, config)
    if config.sweep.source:
        place = epath.Path(config.sweep.results) / config.name
        task_results.say(JOB, f"wrote {kept.write(place, contents, cost)}")
    task_results.say(JOB, f"wrote {target / 'index.html'}")


def _folders(config: ml_collections.ConfigDict, workdir: epath.Path) -> list:
    """The workdirs that are compared.

    Raises:
      InputError: there are none, or a run of the sweep has none.
    """
    named = config.compare.workdirs
    if not named and config.sweep.source:
        named = [str(_of_run(workdir, name)) for name in config.sweep.runs]
    if not named:
        raise InputError(
            "config.compare.workdirs is empty: name workdirs of one screen, as in "
            "--config.compare.workdirs='runs/methods/demo/*'"
        )
    return entrants.find(named)


def _of_run(workdir: epath.Path, name: str) -> epath.Path:
    """The workdir of a sweep's run.

    Raises:
      InputError: there is none.
    """
    if not (workdir / name).is_dir():
        raise InputError(
            f"the run {name} of the sweep has no workdir in {workdir}: run --job=sweep "
            "there; if its rows are kept, so that it is not repeated, with another "
            "--config.sweep.results"
        )
    return workdir / name


def _tasks(wanted: str) -> list[str]:
    """The tasks, of those asked for, by which sets are compared, as tables stand.

    Raises:
      InputError: there are none.
    """
    can = {*task_results.classifications(), *modules.names("tasks", "counting")}
    asked = sorted(task_results.asked_for(wanted), key=task_tables.place)
    found = [name for name in asked if name in can]
    if not found:
        raise InputError(
            f"config.evaluate.tasks={wanted!r} names no task by which sets can be "
            f"compared: name some of {', '.join(sorted(can))}"
        )
    return found


def _options(config: ml_collections.ConfigDict, task: str) -> dict[str, Any]:
    """What the questions of a task depend on; parts and choices of classifications."""
    if task not in task_results.classifications():
        return configs.task_options(config, task)
    return comparing.options(config, task, nested=config.compare.choose_sets)


def _metadata(compared: Sequence[Entrant], opened: Sequence) -> pd.DataFrame:
    """The records, with what those that hold out hold out."""
    sure = [
        sets.metadata
        for one, sets in zip(compared, opened, strict=True)
        if one.seed is not None and not one.saw_all
    ]
    return (sure or [opened[0].metadata])[0]


def _name(one: Entrant) -> str:
    return f"{one.arm}, seed {one.seed}"
