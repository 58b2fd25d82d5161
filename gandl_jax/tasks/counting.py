"""What a feature set is right about, question by question, as sums over units.

Sums of several sets are then compared by `comparison`, whatever the task: of a
classification they are records that are decided rightly, of a retrieval precisions. A
task that is no classification says by a function `counting` how it counts.
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
    """What is asked of every set.

    Attributes:
      about: task, group, split, label, metric and the like, as a row has them.
      counted: what the records, units and classes are.
      lower_is_better: as where a plate can be told from what should not tell it.
    """

    about: Mapping[str, Any]
    counted: Counted
    lower_is_better: bool = False


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a set is right about.

    Attributes:
      right: [U, K] sums over the records of each unit and class.
      mark: what the set's encoder saw of the records.
      total: [U, K] what `right` is a share of, where that depends on the set, as in F1;
        None is the question's.
    """

    right: np.ndarray
    mark: Mark
    total: np.ndarray | None = None


class Counting(Protocol):
    """How a task counts.

    A task that decides in several ways, which stand beside one another, also has `ways`
    (their names) and gives the answers to all questions way after way. One that judges
    another set of an encoder than its headline has `judged(names, headline)`, which
    picks one of the sets' full names.

    Attributes:
      questions: in order.
      fits: how many steps a set takes, which it tells `steps` of.
    """

    questions: Sequence[Question]
    fits: int

    def answers(self, one: FeatureSet) -> list[Answer]:
        """What a set is right about, of each question."""

    def floors(self) -> dict[str, list[Answer]]:
        """The same by a record's plate and its place on the plate alone."""


class Classification:
    """Counts the records, and the wells, that a linear SVM decides rightly."""

    def __init__(
        self,
        asked: Sequence[nested.Asked],
        metadata: pd.DataFrame,
        options: Mapping[str, Any],
        *,
        lower_is_better: bool = False,
    ):
        """Prepares what is the same for all sets.

        Args:
          asked: what is asked of which splits.
          metadata: [N] rows of Metadata_* columns.
          options: of the task.
          lower_is_better: as of `Question`.
        """
        self._metadata, self._options = metadata, options
        self._lower = lower_is_better
        self._asked = [
            (task, split, *task.codes(metadata)) for task, own in asked for split in own
        ]
        self._samples = [
            classification.sample_of(
                metadata, codes, split, task.unit or options["bootstrap_unit"]
            )
            for task, split, codes, _ in self._asked
        ]
        self.questions = list(self._questions())
        self.fits = sum(
            fold_svms.count(codes, split.folds) for _, split, codes, _ in self._asked
        )

    def answers(self, one: FeatureSet) -> list[Answer]:
        """What a set is right about, of each question.

        Args:
          one: of the records, in their order.
        """
        return self.counted(self._decide(one))

    def counted(self, decided: Iterable[Decided]) -> list[Answer]:
        """What decisions are right about, of each question.

        Args:
          decided: of each split in order the decisions on its test records, per fold
            [n, K], and what was seen of these records.
        """
        return [
            answer
            for (task, *_), sample, (decisions, mark) in zip(
                self._asked, self._samples, decided, strict=True
            )
            for answer in self._right(task, sample, decisions, mark)
        ]

    def _decide(self, one: FeatureSet) -> Iterator[Decided]:
        for task, split, codes, _ in self._asked:
            decisions = classification.decide(
                one.features,
                self._metadata,
                codes,
                split,
                task,
                self._options,
                of=one.name,
            )
            yield decisions, marks.mark(one.seen, splits.tested(split))

    def floors(self) -> dict[str, list[Answer]]:
        """The same by a record's plate and its place on the plate alone."""
        found: dict[str, list[Answer]] = {}
        if not all(task.floors for task, *_ in self._asked):
            return found
        for name, features in floors.make(self._metadata).items():
            for (task, split, codes, _), sample in zip(
                self._asked, self._samples, strict=True
            ):
                decisions = classification.decide_floor(
                    features, codes, split, self._options
                )
                own = self._right(task, sample, decisions, marks.NOTHING)
                found.setdefault(name, []).extend(own)
        return found

    def _questions(self) -> Iterator[Question]:
        for (task, split, codes, classes), sample in zip(
            self._asked, self._samples, strict=True
        ):
            about = classification.about_split(
                self._metadata, codes, classes, split, task, self._options
            )
            for metric in _metrics(task):
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
        for metric in _metrics(task):
            items = sample.items(metric)
            yield Answer(sample.counted(items, right[metric]), mark)


def _metrics(task: classification.Task) -> list[str]:
    """Balanced accuracies, by wells first; recalls are no score of a set."""
    kept = [m for m in task.metrics if m != classification.RECALL]
    return sorted(kept, key=lambda metric: metric != WELLS)
