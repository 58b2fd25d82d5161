"""Nested splits: the training part of each fold is split again."""

import dataclasses
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.tasks import classification, splits
from gandl_jax.tasks.classification import Task
from gandl_jax.tasks.skip import Skip
from gandl_jax.tasks.splits import Split

MAX_RECORDS = 20_000  # of a training part to split again, drawn at random (ours)


@dataclasses.dataclass(frozen=True)
class Nested:
    """A split, and how the training part of each of its folds is split again.

    Attributes:
      split: the outer folds.
      within: for each outer fold the inner folds, over records of its training part
        only.
    """

    split: Split
    within: tuple[Split, ...]


TaskSplits = tuple[Task, list[Split]]
Question = tuple[Task, list[Nested]]


def plan(
    module: ModuleType, metadata: pd.DataFrame, options: Mapping[str, Any]
) -> list[Question]:
    """Returns the questions of a task on its splits that can be nested.

    Args:
      module: a classification task with `splits`, `questions` and `SPLITS_KEY`.
      metadata: [N] rows of Metadata_* columns.
      options: as for the task; inner_folds.

    Returns:
      At least one question; warns of splits that cannot be nested.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: the task or all splits of it are not possible.
    """
    questions = apart(module, metadata, options)
    return splits.require(
        *nest(metadata, questions, key=module.SPLITS_KEY, options=options)
    )


def apart(
    module: ModuleType, metadata: pd.DataFrame, options: Mapping[str, Any]
) -> list[TaskSplits]:
    """Returns the questions of a task on its splits that hold wells apart.

    Args:
      module: a classification task with `splits`, `questions` and `SPLITS_KEY`.
      metadata: [N] rows of Metadata_* columns.
      options: as for the task.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: the task or all such splits of it are not possible.
    """
    apart_splits = [
        split for split in module.splits(metadata, options) if not split.leaky
    ]
    if not apart_splits:
        raise Skip(f"no split holds wells apart; name 'plate' in {module.SPLITS_KEY}")
    return module.questions(apart_splits, options)


def nest(
    metadata: pd.DataFrame,
    questions: Iterable[TaskSplits],
    *,
    key: str,
    options: Mapping[str, Any],
) -> tuple[list[Question], list[str]]:
    """Splits the training parts again.

    Args:
      metadata: [N] rows of Metadata_* columns.
      questions: as in `apart`.
      key: the config key of the splits, for messages.
      options: inner_folds, seed and those of splits.

    Returns:
      Questions on the splits that can be nested, and reasons why others cannot.
    """
    nested_questions, notes = [], []
    for task, task_splits in questions:
        nested = []
        for split in task_splits:
            try:
                within = _within(metadata, split, task, key, options)
            except Skip as reason:
                notes.append(str(reason))
            else:
                nested.append(Nested(split, within))
        nested_questions += [(task, nested)] if nested else []
    return nested_questions, notes


def inner_folds(questions: Iterable[Question]) -> int:
    """Counts the folds within all folds, to each of which a candidate is fitted.

    Args:
      questions: as in `plan`.
    """
    return sum(
        len(inner.folds)
        for _, nested in questions
        for split in nested
        for inner in split.within
    )


def _within(metadata, split: Split, task: Task, key, options) -> tuple[Split, ...]:
    codes, classes = task.codes(metadata)
    inner_splits = []
    for train, _ in split.folds:
        train_codes = np.full(len(codes), -1)
        train_codes[train] = codes[train]
        train_codes = classification.thinned(
            train_codes, most=MAX_RECORDS, seed=options["seed"]
        )
        inner = splits.within(
            metadata,
            train_codes,
            split,
            key=key,
            classes=classes,
            options={**options, "max_folds": options["inner_folds"]},
        )
        inner_splits.append(inner)
    return tuple(inner_splits)
