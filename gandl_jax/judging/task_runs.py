"""Runs of a task on feature sets: its splits, then its rows with their marks."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import pandas as pd

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import library_warnings, marks


def plan(
    task: ModuleType, metadata: pd.DataFrame, options: Mapping[str, Any]
) -> list[Any]:
    """Checks that a task can be run, and returns its splits, if it has any.

    Raises:
      InputError: a unit or group in the options that the screen does not have.
      Skip: the task is not possible.
    """
    if hasattr(task, "check"):
        task.check(metadata, options)
    return task.splits(metadata, options) if hasattr(task, "splits") else []


def rows(
    task: ModuleType,
    sets: Mapping[str, FeatureSet],
    splits: Sequence[Any],
    options: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Returns the rows of a task; marks those that it has not marked.

    Args:
      task: a module of `tasks`.
      sets: full name -> set.
      splits: as `plan` returns them.
      options: of the task, as in `config.task_options`.
    """
    run_options = {key: value for key, value in options.items() if key != "splits"}
    with library_warnings.as_remarks():
        task_rows = task.run(sets, splits, **run_options)
    return marks.complete(task_rows, sets)
