"""A task asked of feature sets: its splits, then its rows, each with its mark."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import pandas as pd

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import library_warnings, marks


def plan(
    task: ModuleType, metadata: pd.DataFrame, options: Mapping[str, Any]
) -> list[Any]:
    """The splits of a task that has some, once it has checked that it can be run.

    Raises:
      InputError: a unit or group in the options that the screen does not have.
      Skip: where the task is not possible.
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
    """The rows of a task; those that it has not marked are marked.

    Args:
      task: a module of `tasks`.
      sets: full name -> set.
      splits: as from `plan`.
      options: of the task, as of `config.task_options`.
    """
    others = {key: value for key, value in options.items() if key != "splits"}
    with library_warnings.as_remarks():
        made = task.run(sets, splits, **others)
    return marks.complete(made, sets)
