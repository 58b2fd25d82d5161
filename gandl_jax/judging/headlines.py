"""The headline scores of a workdir: of each task those of its trained encoder."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import modules
from gandl_jax.judging import task_results
from gandl_jax.profiles import feature_set
from gandl_jax.raw import screen
from gandl_jax.tasks import marks

Row = Mapping[str, Any]

# What a score is of; a task's rows have some of them.
QUESTION = ("task", "group", "split", "label", "kind", "metric", "normalize")


def read(config: ml_collections.ConfigDict, workdir: epath.Path) -> list[dict]:
    """Reads the scores of the headline set of the trained encoder.

    Args:
      config: of the workdir; evaluate.features is the headline set.
      workdir: with tasks/<dataset>/<task>.json.

    Returns:
      A row for each score in the tasks' order: QUESTION as far as a task has it, "set",
      "value", "low" and "high", "chance", the difference to the untrained encoder as
      "minus_untrained", "minus_untrained_low" and "minus_untrained_high", and whether
      labels of what it is about were seen. Keys that a task has not lack.
    """
    folder = workdir / "tasks" / screen.load(config).name
    made = []
    for task in modules.names("tasks", "run"):
        path = folder / f"{task}.json"
        if path.exists():
            content = task_results.read(path)
            made += _of_task(task, content["rows"], config.evaluate.features)
    return made


def is_score(row: Row) -> bool:
    """Whether a row is one score of one feature set."""
    value = row.get("value")
    return "set" in row and isinstance(value, float) and math.isfinite(value)


def question(row: Row) -> dict[str, Any]:
    """What a score is of."""
    return {key: row[key] for key in QUESTION if key in row}


def _of_task(task: str, rows: list[Row], features: str) -> Iterator[dict]:
    scores = [row for row in rows if is_score(row)]
    trained = feature_set.roles(row["encoder"] for row in scores).get("trained")
    for row in scores:
        if row["encoder"] == trained and row["features"] == features:
            yield {"task": task} | question(row) | _numbers(row)


def _numbers(row: Row) -> dict[str, Any]:
    found = {"set": row["set"]}
    found |= {k: row[k] for k in ("value", "low", "high", "chance") if k in row}
    gain = row.get("differences", {}).get("untrained", {})
    ends = {"value": "", "low": "_low", "high": "_high"}
    found |= {f"minus_untrained{ends[k]}": gain[k] for k in ends if k in gain}
    return found | {marks.LABELS: bool(row.get(marks.LABELS))}
