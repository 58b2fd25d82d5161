"""The job `choose_features`: which set and normalisation, without touching test wells.

Writes choose_features/<dataset>/<task>.json, and its candidates as <task>.csv.
"""

import functools
import importlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import ml_collections
import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax.datasets import screen
from gandl_jax.errors import InputError
from gandl_jax.jobs import judging
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.progress import Progress
from gandl_jax.tasks import choice, nested, ranking, score_table
from gandl_jax.tasks.skip import Skip

JOB = "choose"
FOLDER = "choose_features"
TASKS = ("control_classification", "label_classification")
READ = (  # of config.evaluate; what is to be chosen is not
    "splits",
    "label",
    "label_splits",
    "max_folds",
    "repeats",
    "bootstrap_unit",
    "bootstrap_draws",
    "seed",
)


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Chooses for each classification whose inputs have changed; prints what to use.

    Args:
      config: data, screen, evaluate and choose are read.
      workdir: with profiles/<dataset>/<encoder>/ from the jobs embed and import.

    Raises:
      InputError: missing, incomplete or broken profiles, or a screen that allows no
        classification with a training part to choose within.
    """
    workdir, dataset = epath.Path(workdir), screen.load(config).name
    options = _options(config)
    encoders = judging.encoders(JOB, workdir / "profiles" / dataset)
    sets = AlignedSets(encoders, "", judging.records(JOB, config, dataset))
    inputs = judging.inputs(encoders, sets, options)
    paths = {name: workdir / FOLDER / dataset / f"{name}.json" for name in TASKS}
    due = [n for n in TASKS if not judging.is_done(paths[n], inputs, must=False)]
    if not due:
        judging.say(JOB, "nothing has changed since it was chosen")
    for name, content in _choices(due, sets, encoders, options):
        _write_table(paths[name].with_suffix(".csv"), content["candidates"])
        judging.write(paths[name], {**content, "inputs": inputs})
        judging.say(JOB, f"wrote {paths[name]}")
    for path in paths.values():
        print(_summary(json.loads(path.read_text())), flush=True)


def _options(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """What a choice depends on: nothing that it may change."""
    svm_c = config.choose.svm_c or (config.evaluate.svm_c,)
    return {key: config.evaluate[key] for key in READ} | {
        "normalize": tuple(dict.fromkeys(config.choose.normalize)),
        "svm_c": tuple(dict.fromkeys(map(float, svm_c))),
        "inner_folds": config.choose.inner_folds,
    }


def _choices(
    due: list[str], sets: AlignedSets, encoders, options
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Plans every task before the first is run, so that bad input is told at once."""
    if not due:
        return
    plans = {name: _plan(name, sets, options) for name in due}
    skipped = [name for name, (plan, _) in plans.items() if isinstance(plan, Skip)]
    if len(skipped) == len(TASKS):
        reasons = "; ".join(f"{name}: {plan}" for name, (plan, _) in plans.items())
        raise InputError(f"there is nothing to choose features by: {reasons}")
    doubts = judging.doubts(JOB, encoders, sets)
    for name, (plan, left_out) in plans.items():
        result = _result(name, sets, plan, options)
        said = {"warnings": doubts, "left_out": left_out}
        yield name, {"task": name, **result, **said}


def _plan(name: str, sets: AlignedSets, options) -> tuple[Any, list[str]]:
    task = importlib.import_module(f"gandl_jax.tasks.{name}")
    make = functools.partial(nested.plan, task, sets.metadata, options)
    return judging.plan(JOB, name, make, must=False)


def _result(name: str, sets: AlignedSets, plan, options) -> dict[str, Any]:
    empty = {"rows": [], "candidates": [], "recommendation": None}
    if isinstance(plan, Skip):
        return empty | {"skipped": str(plan)}
    count = len(choice.candidates(sets, options))
    judging.say(JOB, f"{name}: {count} candidates")
    progress = Progress(JOB, count * nested.inner_folds(plan), "fits")
    rows, table = [], []
    for question in plan:
        found = choice.choose(sets, sets.metadata, question, options, progress.update)
        rows, table = rows + found[0], table + found[1]
    progress.close()
    return {
        "rows": rows,
        "candidates": table,
        "recommendation": ranking.recommendation(table),
        "skipped": None,
    }


def _write_table(path: epath.Path, table: list[dict[str, Any]]) -> None:
    if not table:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as file:
        pd.DataFrame(table).to_csv(file, index=False)


def _summary(content: Mapping[str, Any]) -> str:
    """What is on disk of a task, whether it was made now or before."""
    if content["skipped"]:
        return f"\n{content['task']} skipped: {content['skipped']}"
    best = content["recommendation"]
    parts = [
        "",
        "Chosen without the test wells, judged on them once.",
        score_table.text(content["rows"], choice.CHOSEN),
        "",
        "Candidates by their mean score within training parts:",
        ranking.text(content["candidates"]),
        "",
        f"Recommended: {best['set']} with {best['normalize']}: add {best['flags']}",
    ]
    return "\n".join(parts + ([f"Note: {best['note']}"] if best["note"] else []))
