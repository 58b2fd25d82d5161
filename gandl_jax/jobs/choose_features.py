"""The job `choose_features`: chooses set and normalisation without the test wells.

Writes choose_features/<dataset>/<task>.json, and its candidates as <task>.csv.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import config as configs
from gandl_jax.judging import comparing, task_results, task_tables
from gandl_jax.profiles.aligned import AlignedSets
from gandl_jax.progress import Progress
from gandl_jax.raw import screen
from gandl_jax.reading import labelling
from gandl_jax.tasks import choice, nested, ranking
from gandl_jax.tasks.skip import Skip

JOB = "choose"
FOLDER = "choose_features"
TO_CHOOSE = {"features", "normalize", "svm_c"}  # of a task's options


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Chooses for each classification whose inputs have changed; prints the choice.

    Args:
      config: data, screen, evaluate and choose are read.
      workdir: with profiles/<dataset>/<encoder>/ from the jobs embed and import.

    Raises:
      InputError: missing, incomplete or broken profiles, or a screen that allows no
        classification with training records to choose by.
    """
    workdir, dataset = epath.Path(workdir), screen.load(config).name
    asked = task_results.classifications(config.evaluate.tasks)
    options = {name: _options(config, name) for name in asked}
    encoders = task_results.encoders(JOB, workdir / "profiles" / dataset)
    records = task_results.records(JOB, config, dataset)
    if records is None:
        labelling.check_written(config, workdir, dataset)
    sets = AlignedSets(encoders, "", records, config.evaluate.within)
    made_from = task_results.made_from(encoders, sets)
    made_from["labels"] = task_results.labels(config, records)
    inputs = task_results.inputs(made_from, options)
    contents = task_results.results(
        JOB,
        workdir / FOLDER / dataset,
        inputs,
        functools.partial(_choices, sets, encoders, options),
        done="nothing has changed since it was chosen",
        cluster=config.evaluate.cluster,
    )
    for content in contents:
        print(_summary(content), flush=True)


def _options(config: ml_collections.ConfigDict, task: str) -> dict[str, Any]:
    """Returns the options of a choice, without those that it may change."""
    task_options = configs.task_options(config, task)
    return {
        key: value for key, value in task_options.items() if key not in TO_CHOOSE
    } | comparing.candidates(config)


def _choices(
    sets: AlignedSets, encoders, options, due: list[str]
) -> Iterator[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    """Yields name, result and table of each classification."""

    def make(name, task):
        return nested.plan(task, sets.metadata, options[name])

    plans = task_results.plan_all(
        JOB, due, make, wanted=list(options), purpose="choose features"
    )
    doubts = task_results.doubts(JOB, encoders, sets)
    for name, (plan, left_out) in plans.items():
        run = functools.partial(_result, name, sets, plan, options[name])
        result, noticed = task_results.run_with_remarks(JOB, name, run)
        messages = {"warnings": doubts, "left_out": left_out + noticed}
        yield name, {"task": name, **result, **messages}, result["candidates"]


def _result(name: str, sets: AlignedSets, plan, options) -> dict[str, Any]:
    empty = {"rows": [], "candidates": [], "recommendation": None}
    if isinstance(plan, Skip):
        return empty | {"skipped": str(plan)}
    count = len(choice.candidates(sets, options))
    task_results.say(JOB, f"{name}: {count} candidates")
    progress = Progress(JOB, count * nested.inner_folds(plan), "fits")
    rows, table = [], []
    for question in plan:
        rows_and_candidates = choice.choose(
            sets, sets.metadata, question, options, progress.update
        )
        rows, table = rows + rows_and_candidates[0], table + rows_and_candidates[1]
    progress.close()
    return {
        "rows": rows,
        "candidates": table,
        "recommendation": ranking.recommendation(name, table),
        "skipped": None,
    }


def _summary(content: Mapping[str, Any]) -> str:
    """Describes a task's result, whether it was made now or before."""
    if content["skipped"]:
        return f"\n{content['task']} skipped: {content['skipped']}"
    best = content["recommendation"]
    paragraphs = [
        "",
        "Chosen without the test wells, judged on them once.",
        task_tables.text({content["task"]: content["rows"]}, choice.CHOSEN),
        "",
        "Candidates by their mean score within training parts:",
        ranking.text(content["candidates"]),
        "",
    ]
    if not best:
        return "\n".join([*paragraphs, f"{ranking.NONE}."])
    recommendation = (
        f"Recommended: {best['set']} with {best['normalize']}: add {best['flags']}"
    )
    return "\n".join(
        [*paragraphs, recommendation] + [f"Note: {best['note']}"] * bool(best["note"])
    )
