"""Headline scores of a workdir: for each task those of its trained encoder."""

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

# Keys that identify a score; a task's rows have some of them.
QUESTION = ("task", "group", "split", "label", "kind", "metric", "normalize")


def read(config: ml_collections.ConfigDict, workdir: epath.Path) -> list[dict]:
    """Reads the scores of the headline set of the trained encoder.

    Args:
      config: of the workdir; evaluate.features is the headline set.
      workdir: with tasks/<dataset>/<task>.json.

    Returns:
      A row for each score in the tasks' order: the keys of QUESTION, "set", "value",
      "low", "high", "chance", the difference to the untrained encoder as
      "minus_untrained", "minus_untrained_low" and "minus_untrained_high", as far as a
      task has them, and whether labels of the test records were seen.
    """
    folder = workdir / "tasks" / screen.load(config).name
    rows = []
    for task in modules.names("tasks", "run"):
        path = folder / f"{task}.json"
        if path.exists():
            content = task_results.read(path)
            rows += _task_scores(task, content["rows"], config.evaluate.features)
    return rows


def is_score(row: Row) -> bool:
    """Tells whether a row is one score of one feature set."""
    value = row.get("value")
    return "set" in row and isinstance(value, float) and math.isfinite(value)


def question(row: Row) -> dict[str, Any]:
    """Returns the keys of a row that identify its score."""
    return {key: row[key] for key in QUESTION if key in row}


def _task_scores(task: str, rows: list[Row], features: str) -> Iterator[dict]:
    scores = [row for row in rows if is_score(row)]
    trained = feature_set.roles(row["encoder"] for row in scores).get("trained")
    for row in scores:
        if row["encoder"] == trained and row["features"] == features:
            yield {"task": task} | question(row) | _numbers(row)


def _numbers(row: Row) -> dict[str, Any]:
    numbers = {"set": row["set"]}
    numbers |= {k: row[k] for k in ("value", "low", "high", "chance") if k in row}
    gain = row.get("differences", {}).get("untrained", {})
    ends = {"value": "", "low": "_low", "high": "_high"}
    numbers |= {f"minus_untrained{ends[k]}": gain[k] for k in ends if k in gain}
    return numbers | {marks.LABELS: bool(row.get(marks.LABELS))}
