"""Counts of right answers of feature sets, per question, as sums over units.

Sums of several sets are then compared by `comparison`, whatever the task: for a
classification they are numbers of right decisions, for a retrieval precisions. A task
that is no classification defines its counts by a function `counting`.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from gandl_jax.profiles import floors
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import classification, fold_svms, marks, nested, splits
from gandl_jax.tasks.classification import WELLS
from gandl_jax.tasks.comparison import Counted
from gandl_jax.tasks.marks import Mark

Decided = tuple[Sequence[np.ndarray], Mark]


@dataclasses.dataclass(frozen=True)
class Question:
    """Question that is asked of every set.

    Attributes:
      about: task, group, split, label, metric and others, as the columns of a row.
      counted: records, units and classes.
      lower_is_better: such as for predicting the plate, a batch effect.
    """

    about: Mapping[str, Any]
    counted: Counted
    lower_is_better: bool = False


@dataclasses.dataclass(frozen=True)
class Answer:
    """Answer of a set to a question.

    Attributes:
      right: [U, K] sums over the records of each unit and class: right decisions,
        precisions.
      mark: of the set's encoder on the records.
      total: [U, K] what `right` is a share of, if that depends on the set, as in F1;
        None is the question's.
    """

    right: np.ndarray
    mark: Mark
    total: np.ndarray | None = None


class Counting(Protocol):
    """Counts of a task.

    A task that decides in several ways, which stand beside one another, also has `ways`
    (their names) and gives the answers to all questions way after way. One that judges
    another set of an encoder than its headline has `judged(names, headline)`, which
    picks one of the sets' full names.

    Attributes:
      questions: in order.
      fits: number of steps that a set takes, each counted by `steps`.
    """

    questions: Sequence[Question]
    fits: int

    def answers(self, feature_set: FeatureSet) -> list[Answer]:
        """Returns the answer of a set to each question."""

    def floors(self) -> dict[str, list[Answer]]:
        """Returns the answers of the floors: plate identity and well position."""


class Classification:
    """Counts right decisions of a linear SVM on records, and on wells."""

    def __init__(
        self,
        questions: Sequence[nested.TaskSplits],
        metadata: pd.DataFrame,
        options: Mapping[str, Any],
        *,
        lower_is_better: bool = False,
    ):
        """Prepares the test records, which are the same for all sets.

        Args:
          questions: classification tasks with their splits.
          metadata: [N] rows of Metadata_* columns.
          options: of the task.
          lower_is_better: as in `Question`.
        """
        self._metadata, self._options = metadata, options
        self._lower = lower_is_better
        self._task_splits = [
            (task, split, *task.codes(metadata))
            for task, task_splits in questions
            for split in task_splits
        ]
        self._samples = [
            classification.sample_of(
                metadata, codes, split, task.unit or options["bootstrap_unit"]
            )
            for task, split, codes, _ in self._task_splits
        ]
        self.questions = list(self._questions())
        self.fits = sum(
            fold_svms.count(codes, split.folds)
            for _, split, codes, _ in self._task_splits
        )

    def answers(self, feature_set: FeatureSet) -> list[Answer]:
        """Returns the answer of a set to each question.

        Args:
          feature_set: of the records, in their order.
        """
        return self.counted(self._decide(feature_set))

    def counted(self, decided: Iterable[Decided]) -> list[Answer]:
        """Counts decisions: the answer to each question.

        Args:
          decided: of each split in order, the decisions on its test records, per fold
            [n, K], and the mark on these records.
        """
        return [
            answer
            for (task, *_), sample, (decisions, mark) in zip(
                self._task_splits, self._samples, decided, strict=True
            )
            for answer in self._right(task, sample, decisions, mark)
        ]

    def _decide(self, feature_set: FeatureSet) -> Iterator[Decided]:
        for task, split, codes, _ in self._task_splits:
            decisions = classification.decide(
                feature_set.features,
                self._metadata,
                codes,
                split,
                task,
                self._options,
                set_name=feature_set.name,
            )
            yield decisions, marks.mark(feature_set.seen, splits.tested(split))

    def floors(self) -> dict[str, list[Answer]]:
        """Returns the answers of the floors: plate identity and well position."""
        answers: dict[str, list[Answer]] = {}
        if not all(task.floors for task, *_ in self._task_splits):
            return answers
        for name, features in floors.make(self._metadata).items():
            for (task, split, codes, _), sample in zip(
                self._task_splits, self._samples, strict=True
            ):
                decisions = classification.decide_floor(
                    features, codes, split, self._options
                )
                floor_answers = self._right(task, sample, decisions, marks.NOTHING)
                answers.setdefault(name, []).extend(floor_answers)
        return answers

    def _questions(self) -> Iterator[Question]:
        for (task, split, codes, classes), sample in zip(
            self._task_splits, self._samples, strict=True
        ):
            about = classification.about_split(
                self._metadata, codes, classes, split, task, self._options
            )
            for metric in _metrics(task, sample):
                items = sample.items(metric)
                total = sample.counted(items, np.ones(len(items)))
                yield Question(
                    {"task": task.name, **about, "metric": metric},
                    Counted(
                        total, about["records"], about["learnt_from"], about["chance"]
                    ),
                    self._lower,
                )

    @staticmethod
    def _right(task, sample, decisions, mark: Mark) -> Iterator[Answer]:
        right = classification.right(sample, decisions)
        for metric in _metrics(task, sample):
            items = sample.items(metric)
            yield Answer(sample.counted(items, right[metric]), mark)


def _metrics(task: classification.Task, sample: classification.Sample) -> list[str]:
    """Returns balanced accuracies, by wells first; recalls do not score a set."""
    metrics = classification.metrics(task, sample)
    accuracies = [m for m in metrics if m != classification.RECALL]
    return sorted(accuracies, key=lambda metric: metric != WELLS)
