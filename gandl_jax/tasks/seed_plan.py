"""Questions to every training that is compared: splits, and counted test records."""

import dataclasses
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pandas as pd

from gandl_jax.tasks import nested, recipe_split, splits
from gandl_jax.tasks.nested import Question, TaskSplits
from gandl_jax.tasks.skip import LeftOut, Skip


@dataclasses.dataclass(frozen=True)
class Plan:
    """Questions to every training.

    Attributes:
      each: to every feature set by itself.
      chosen: to the set that each fold chooses; none if no fold chooses.
      counted: (cell model, split) -> text on the counted groups, "60 of 90 collages".
    """

    each: list[TaskSplits]
    chosen: list[Question]
    counted: dict[tuple[str, str], str]


def plan(
    module: ModuleType, metadata: pd.DataFrame, options: Mapping[str, Any]
) -> Plan:
    """Returns the questions of a task on its splits that hold wells apart.

    Args:
      module: a classification task with `splits`, `questions` and `SPLITS_KEY`.
      metadata: [N] rows of Metadata_* columns.
      options: as for the task; aside_frac and part; nested, and inner_folds for it.

    Returns:
      At least one question; warns of splits that are not possible.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: the task or all such splits of it are not possible.
    """
    key, each, counted, notes = module.SPLITS_KEY, [], {}, []
    for task, task_splits in nested.apart(module, metadata, options):
        codes, classes = task.codes(metadata)
        parts = []
        for split in task_splits:
            try:
                part = recipe_split.cut(
                    metadata, codes, split, key=key, classes=classes, options=options
                )
            except Skip as reason:
                notes.append(str(reason))
                continue
            parts.append(part.split)
            counted[split.group, split.name] = part.counted
        each += [(task, parts)] if parts else []
    each = splits.require(each, notes)
    return Plan(each, _chosen(metadata, each, key, options), counted)


def _chosen(metadata, each: list[TaskSplits], key: str, options) -> list[Question]:
    if not options["nested"]:
        return []
    questions, notes = nested.nest(metadata, each, key=key, options=options)
    for sentence in dict.fromkeys(notes):
        warnings.warn(sentence, LeftOut, stacklevel=2)
    return questions
