"""Splits within splits: how the training part of each fold is split again."""

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

MAX_RECORDS = 20_000  # of a training part that choose, drawn at random (ours)


@dataclasses.dataclass(frozen=True)
class Nested:
    """A split, and how the training part of each of its folds is split again.

    Attributes:
      split: the outer folds.
      within: for each of them the inner ones, over records of its training part only.
    """

    split: Split
    within: tuple[Split, ...]


Asked = tuple[Task, list[Split]]
Question = tuple[Task, list[Nested]]


def plan(
    module: ModuleType, metadata: pd.DataFrame, options: Mapping[str, Any]
) -> list[Question]:
    """What a task asks, of those of its splits that can be nested.

    Args:
      module: a classification task with `splits`, `questions` and `SPLITS_KEY`.
      metadata: [N] rows of Metadata_* columns.
      options: as of the task; inner_folds.

    Returns:
      At least one question; warns of splits within which nothing can be chosen.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: where the task or no split of it is possible.
    """
    asked = apart(module, metadata, options)
    return splits.require(
        *nest(metadata, asked, key=module.SPLITS_KEY, options=options)
    )


def apart(
    module: ModuleType, metadata: pd.DataFrame, options: Mapping[str, Any]
) -> list[Asked]:
    """What a task asks, of those of its splits that hold wells apart.

    Args:
      module: a classification task with `splits`, `questions` and `SPLITS_KEY`.
      metadata: [N] rows of Metadata_* columns.
      options: as of the task.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: where the task or no such split of it is possible.
    """
    kept = [s for s in module.splits(metadata, options) if not s.leaky]
    if not kept:
        raise Skip(f"no split holds wells apart; name 'plate' in {module.SPLITS_KEY}")
    return module.questions(kept, options)


def nest(
    metadata: pd.DataFrame,
    asked: Iterable[Asked],
    *,
    key: str,
    options: Mapping[str, Any],
) -> tuple[list[Question], list[str]]:
    """Splits the training parts again.

    Args:
      metadata: [N] rows of Metadata_* columns.
      asked: as of `apart`.
      key: the config key that the splits are from, to be named in a reason.
      options: inner_folds, seed and those of splits.

    Returns:
      Questions, of those splits that can be nested, and why others cannot.
    """
    made, said = [], []
    for task, own in asked:
        nested = []
        for split in own:
            try:
                within = _within(metadata, split, task, key, options)
            except Skip as reason:
                said.append(str(reason))
            else:
                nested.append(Nested(split, within))
        made += [(task, nested)] if nested else []
    return made, said


def inner_folds(questions: Iterable[Question]) -> int:
    """How many folds there are within all folds: what each candidate is fitted to.

    Args:
      questions: as of `plan`.
    """
    return sum(
        len(inner.folds)
        for _, nested in questions
        for one in nested
        for inner in one.within
    )


def _within(metadata, split: Split, task: Task, key, options) -> tuple[Split, ...]:
    codes, classes = task.codes(metadata)
    made = []
    for train, _ in split.folds:
        own = np.full(len(codes), -1)
        own[train] = codes[train]
        own = classification.thinned(own, most=MAX_RECORDS, seed=options["seed"])
        inner = splits.within(
            metadata,
            own,
            split,
            key=key,
            classes=classes,
            options={**options, "max_folds": options["inner_folds"]},
        )
        made.append(inner)
    return tuple(made)
