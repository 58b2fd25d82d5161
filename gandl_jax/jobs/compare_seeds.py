"""The job `compare_seeds`: does training improve the features, whatever its seed?

Compares the last encoder of several workdirs, which differ in their seed (after a sweep
its runs), or those at `config.compare.steps`, with the untrained ones, by each set and
by the set that each fold chooses. If a recipe was chosen by its scores,
`config.compare.aside_frac` of the groups that a split holds apart are for choosing
(`config.compare.part`), the others for reporting. Only test records of that part are
scored; each fold learns from all its training records, of both parts, so that labels of
reporting groups teach while a recipe is chosen, but are not scored;
`config.evaluate.within` leaves them out.

Writes compare_seeds/<dataset>/<task>.json, and its rows as <task>.csv.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections
from etils import epath

from gandl_jax.judging import (
    compared_workdirs,
    comparing,
    seed_workdirs,
    task_results,
)
from gandl_jax.judging.seed_workdirs import Training
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.progress import Progress
from gandl_jax.raw import screen
from gandl_jax.reading import labelling
from gandl_jax.tasks import seed_plan, seed_table
from gandl_jax.tasks.seeds import Comparison
from gandl_jax.tasks.skip import Skip

JOB = "compare"
FOLDER = "compare_seeds"


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Compares by each classification whose inputs have changed; prints a table.

    Args:
      config: data, screen, evaluate, choose and compare are read.
      workdir: of the comparison; those of the trainings are in config.compare.

    Raises:
      InputError: trainings that cannot be compared, missing, incomplete or broken
        profiles, or a screen that allows no classification with wells held apart.
    """
    workdir, dataset = epath.Path(workdir), screen.load(config).name
    records = task_results.records(JOB, config, dataset)
    compare = config.compare
    folders = compared_workdirs.named(config, workdir)
    for folder in folders if records is None else ():
        labelling.check_written(config, epath.Path(folder), dataset)
    compared = seed_workdirs.read(
        JOB, folders, compare.steps, dataset, records, config.evaluate.within
    )
    names = seed_workdirs.common_sets(compared)
    opened = [training.open() for training in compared]
    seed_workdirs.check_records([training.folder for training in compared], opened)
    options = {
        name: comparing.options(config, name, nested=compare.nested)
        for name in task_results.classifications(config.evaluate.tasks)
    }
    made_from = {
        str(training.seed): task_results.made_from(training.encoders, sets)
        for training, sets in zip(compared, opened, strict=True)
    }
    made_from["labels"] = task_results.labels(config, records)
    inputs = task_results.inputs(made_from, options)
    contents = task_results.results(
        JOB,
        workdir / FOLDER / dataset,
        inputs,
        functools.partial(_comparisons, compared, opened, names, options),
        done="nothing has changed since it was compared",
        cluster=config.evaluate.cluster,
    )
    for content in contents:
        print(_summary(content), flush=True)


def _comparisons(
    compared: Sequence[Training],
    opened: Sequence[AlignedSets],
    names: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    due: list[str],
) -> Iterator[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    """Yields name, result and table of each classification."""
    metadata = opened[0].metadata

    def make(name, task):
        return seed_plan.plan(task, metadata, options[name])

    plans = task_results.plan_all(
        JOB, due, make, wanted=list(options), purpose="compare seeds"
    )
    doubts = [
        line
        for training, sets in zip(compared, opened, strict=True)
        for line in task_results.doubts(JOB, training.encoders, sets)
    ]
    for name, (plan, left_out) in plans.items():
        content = {
            "task": name,
            "workdirs": {
                str(training.seed): str(training.folder) for training in compared
            },
            "part": options[name]["part"],
            "aside_frac": options[name]["aside_frac"],
            "warnings": list(dict.fromkeys(doubts)),
        }
        run = functools.partial(
            _result, name, plan, compared, metadata, names, options[name]
        )
        result, noticed = task_results.run_with_remarks(JOB, name, run)
        content["left_out"] = left_out + noticed
        yield name, content | result, list(map(seed_table.flat, result["rows"]))


def _result(
    name: str, plan, compared: Sequence[Training], metadata, names, options
) -> dict[str, Any]:
    if isinstance(plan, Skip):
        return {"rows": [], "counted": [], "skipped": str(plan)}
    counted = [
        f"{group}, {split} out: {sentence}"
        for (group, split), sentence in plan.counted.items()
    ]
    for sentence in counted:
        task_results.say(JOB, f"{name}: {sentence} are counted, {options['part']} part")
    to_choose = {**options, **options["choose"]}
    comparison = Comparison(plan, names, metadata, options, to_choose)
    progress = Progress(JOB, len(compared) * comparison.fits, "fits")
    for training in compared:  # opened again: one training's features in memory
        comparison.add(training.seed, training.open(), progress.update)
    progress.close()
    return {"rows": comparison.rows(), "counted": counted, "skipped": None}


def _summary(content: Mapping[str, Any]) -> str:
    """Describes a task's result, whether it was made now or before."""
    if content["skipped"]:
        return f"\n{content['task']} skipped: {content['skipped']}"
    part = f"Test records of the {content['part']} part are counted"
    counted = f"{part} ({'; '.join(content['counted'])})."
    return "\n".join(["", counted, seed_table.text(content["rows"])])
