"""The job `compare_seeds`: does training lift the features, whatever its seed?

Compares the last encoder of several workdirs, which differ in their seed, with the
untrained ones, each set by itself and what each fold chooses. Where a recipe was chosen
by its scores, `config.compare.aside_frac` of the groups that a split holds apart are
for choosing (`config.compare.part`), the others to report on. Only test records of the
part are counted; learning uses the whole training part of each fold, of both parts, so
that reporting labels teach while one chooses, but are not scored.

Writes compare_seeds/<dataset>/<task>.json, and its rows as <task>.csv.
"""

import functools
import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections
import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.datasets import screen
from gandl_jax.errors import InputError
from gandl_jax.jobs import judging, trainings
from gandl_jax.jobs.choose_features import READ, TASKS
from gandl_jax.jobs.trainings import Training
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.progress import Progress
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
    records = judging.records(JOB, config, dataset)
    compared = trainings.read(JOB, config.compare.workdirs, dataset, records)
    names = trainings.common_sets(compared)
    opened = [training.open() for training in compared]
    trainings.check_records(compared, opened)
    options = _options(config)
    inputs = {
        str(training.seed): judging.inputs(training.encoders, sets, options)
        for training, sets in zip(compared, opened, strict=True)
    }
    paths = {name: workdir / FOLDER / dataset / f"{name}.json" for name in TASKS}
    due = [n for n in TASKS if not judging.is_done(paths[n], inputs, must=False)]
    if not due:
        judging.say(JOB, "nothing has changed since it was compared")
    for name, content in _comparisons(due, compared, opened, names, options):
        _write_table(paths[name].with_suffix(".csv"), content["rows"])
        judging.write(paths[name], {**content, "inputs": inputs})
        judging.say(JOB, f"wrote {paths[name]}")
    for path in paths.values():
        print(_summary(json.loads(path.read_text())), flush=True)


def _options(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """What a comparison depends on, but for the trainings."""
    evaluate, choose, compare = config.evaluate, config.choose, config.compare
    svm_c = choose.svm_c or (evaluate.svm_c,)
    candidates = {
        "normalize": tuple(dict.fromkeys(choose.normalize)),
        "svm_c": tuple(dict.fromkeys(map(float, svm_c))),
    }
    return {key: evaluate[key] for key in (*READ, "normalize", "svm_c")} | {
        "aside_frac": compare.aside_frac,
        "part": compare.part,
        "nested": compare.nested,
        "inner_folds": choose.inner_folds,
        "choose": candidates,
    }


def _comparisons(
    due: list[str],
    compared: Sequence[Training],
    opened: Sequence[AlignedSets],
    names: Sequence[str],
    options: Mapping[str, Any],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Plans every task before the first is run, so that bad input is told at once."""
    if not due:
        return
    metadata = opened[0].metadata
    plans = {name: _plan(name, metadata, options) for name in due}
    skipped = [name for name, (plan, _) in plans.items() if isinstance(plan, Skip)]
    if len(skipped) == len(TASKS):
        reasons = "; ".join(f"{name}: {plan}" for name, (plan, _) in plans.items())
        raise InputError(f"there is nothing to compare seeds by: {reasons}")
    doubts = [
        line
        for training, sets in zip(compared, opened, strict=True)
        for line in judging.doubts(JOB, training.encoders, sets)
    ]
    for name, (plan, left_out) in plans.items():
        content = {
            "task": name,
            "workdirs": {str(one.seed): str(one.folder) for one in compared},
            "part": options["part"],
            "aside_frac": options["aside_frac"],
            "warnings": list(dict.fromkeys(doubts)),
            "left_out": left_out,
        }
        result = _result(name, plan, compared, metadata, names, options)
        yield name, content | result


def _plan(name: str, metadata: pd.DataFrame, options) -> tuple[Any, list[str]]:
    task = importlib.import_module(f"gandl_jax.tasks.{name}")
    make = functools.partial(seed_plan.plan, task, metadata, options)
    return judging.plan(JOB, name, make, must=False)


def _result(
    name: str, plan, compared: Sequence[Training], metadata, names, options
) -> dict[str, Any]:
    if isinstance(plan, Skip):
        return {"rows": [], "counted": [], "skipped": str(plan)}
    counted = [
        f"{group}, {split} out: {words}"
        for (group, split), words in plan.counted.items()
    ]
    for words in counted:
        judging.say(JOB, f"{name}: {words} are counted, {options['part']} part")
    to_choose = {**options, **options["choose"]}
    asked = Comparison(plan, names, metadata, options, to_choose)
    progress = Progress(JOB, len(compared) * asked.fits, "fits")
    for training in compared:  # opened anew, so that one's features are in memory
        asked.add(training.seed, training.open(), progress.update)
    progress.close()
    return {"rows": asked.rows(), "counted": counted, "skipped": None}


def _write_table(path: epath.Path, rows: list[dict[str, Any]]) -> None:
    if not rows:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as file:
        pd.DataFrame(map(seed_table.flat, rows)).to_csv(file, index=False)


def _summary(content: Mapping[str, Any]) -> str:
    """What is on disk of a task, whether it was made now or before."""
    if content["skipped"]:
        return f"\n{content['task']} skipped: {content['skipped']}"
    part = f"Test records of the {content['part']} part are counted"
    counted = f"{part} ({'; '.join(content['counted'])})."
    return "\n".join(["", counted, seed_table.text(content["rows"])])
