"""The job `compare`: which way of learning features suits a screen?

Takes workdirs of one screen (config.compare.workdirs, patterns too; after a sweep its
runs), and judges their headline sets on the same records and folds, trained beside
untrained, beside floors. Seeds are replicates. Records that one holds out are held out
for all; networks that were trained on everything stand in a second table.

Writes compare/<dataset>/<task>.json, its rows as <task>.csv, and index.html, which
shows them all, with scores, pairs of arms and costs as data/*.csv.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections
import pandas as pd
from etils import epath

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.errors import InputError
from gandl_jax.jobs.compare import judged, page, text
from gandl_jax.judging import entrants, seed_workdirs, task_results
from gandl_jax.judging.entrants import Entrant
from gandl_jax.profiles import floors
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.progress import Progress
from gandl_jax.raw import screen
from gandl_jax.reading import labelling
from gandl_jax.tasks import counting
from gandl_jax.tasks.skip import Skip

JOB = "compare"
FOLDER = "compare"
WORKDIR = "unclaimed"


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Compares by each task whose inputs have changed; prints a table, writes a page.

    Args:
      config: data, screen, evaluate, compare and sweep are read.
      workdir: of the comparison.

    Raises:
      InputError: workdirs that cannot be compared, missing, incomplete or broken
        profiles, or a screen that allows no task.
    """
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
    opened = [one.open(records) for one in compared]
    seed_workdirs.check_records([one.folder for one in compared], opened)
    options = {name: configs.task_options(config, name) for name in _tasks()}
    made_from = {
        f"{one.arm}, seed {one.seed}": task_results.made_from(one.encoders, sets)
        for one, sets in zip(compared, opened, strict=True)
    }
    made_from["labels"] = task_results.labels(config, records)
    metadata = _metadata(compared, opened)
    del opened  # with features in memory
    target = workdir / FOLDER / dataset
    contents = task_results.results(
        JOB,
        target,
        task_results.inputs(made_from, options),
        functools.partial(_comparisons, compared, records, metadata, options),
        done="nothing has changed since it was compared",
    )
    for content in contents:
        print(text.summary(content), flush=True)
    page.write(target, compared, contents, config)
    task_results.say(JOB, f"wrote {target / 'index.html'}")


def _folders(config: ml_collections.ConfigDict, workdir: epath.Path) -> list:
    """The workdirs that are compared.

    Raises:
      InputError: there are none.
    """
    named = config.compare.workdirs
    if not named and config.sweep.source:
        named = [str(workdir / name) for name in config.sweep.runs]
    if not named:
        raise InputError(
            "config.compare.workdirs is empty: name workdirs of one screen, as in "
            "--config.compare.workdirs='runs/methods/demo/*'"
        )
    return entrants.find(named)


def _tasks() -> list[str]:
    """The tasks by which sets are compared."""
    others = modules.names("tasks", "counting")
    return sorted({*task_results.classifications(), *others})


def _metadata(compared: Sequence[Entrant], opened: Sequence) -> pd.DataFrame:
    """The records, with what those that hold out hold out."""
    sure = [
        sets.metadata
        for one, sets in zip(compared, opened, strict=True)
        if one.seed is not None and not one.saw_all
    ]
    return (sure or [opened[0].metadata])[0]


def _counting(task: str, metadata: pd.DataFrame, options: Mapping[str, Any]) -> Any:
    module = modules.load("tasks", task)
    if hasattr(module, "counting"):
        return module.counting(metadata, options)
    return counting.of_classification(module, metadata, options)


def _comparisons(
    compared: Sequence[Entrant],
    records: pd.DataFrame | None,
    metadata: pd.DataFrame,
    options: Mapping[str, Mapping[str, Any]],
    due: list[str],
) -> Iterator[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    """Name, result and table of each task."""
    plans = {
        name: task_results.plan(
            JOB,
            name,
            functools.partial(_counting, name, metadata, options[name]),
            must=False,
        )
        for name in due
    }
    for name, (asked, left_out) in plans.items():
        made = functools.partial(
            _result, name, asked, compared, records, metadata, options[name]
        )
        result, noticed = task_results.noted(JOB, name, made)
        content = {"task": name, "left_out": left_out + noticed} | result
        yield name, content, [judged.flat(row) for row in result["rows"]]


def _result(
    name: str, asked, compared: Sequence[Entrant], records, metadata, options
) -> dict[str, Any]:
    if isinstance(asked, Skip):
        return {"rows": [], "pairs": [], "skipped": str(asked)}
    board = judged.Board(asked.questions, options)
    of_images = _floors_of_images(compared)
    sets = sum(1 + bool(one.untrained) for one in compared) + len(of_images)
    progress = Progress(f"{JOB} {name}", sets * asked.fits, "fits")
    for one in compared:  # opened anew, so that one's features are in memory
        opened = one.open(records)
        for role in (judged.TRAINED, judged.UNTRAINED):
            if full_name := getattr(one, role):
                board.add(one, role, asked.answers(opened[full_name]))
                progress.update(asked.fits)
    for name, directory in of_images.items():
        opened = AlignedSets((directory,), "", records)
        board.add_floor(name, asked.answers(opened[name]))
        progress.update(asked.fits)
    for floor, answers in asked.floors().items():
        board.add_floor(floor, answers)
    progress.close()
    rows, pairs = board.judge()
    return {"rows": rows, "pairs": pairs, "skipped": None}


def _floors_of_images(compared: Sequence[Entrant]) -> dict[str, epath.Path]:
    """The first of each kind beside the entrants' encoders."""
    places = [one.encoders[0].parent for one in compared]
    found = {}
    for name in floors.OF_IMAGES:
        there = [place / name for place in places if (place / name).is_dir()]
        found |= {name: there[0]} if there else {}
    return found
