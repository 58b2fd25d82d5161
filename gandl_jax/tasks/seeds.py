"""Gain of features by training, over trainings that differ in their seed.

A record's score is the share of trainings whose classifier is right about it. Balanced
accuracy, its interval and the paired difference of trained and untrained networks are
then those of any classification: units are drawn again for all trainings at once. Such
an interval covers the variation between wells, for the mean of these trainings. The
values of each training show the variation between seeds.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import choice, classification, marks, nested
from gandl_jax.tasks.classification import Right, Tally, Task
from gandl_jax.tasks.marks import Mark
from gandl_jax.tasks.nested import Question, TaskSplits
from gandl_jax.tasks.seed_plan import Plan
from gandl_jax.tasks.splits import Split

Row = dict[str, Any]


class SeedTally:
    """Counts right decisions, averaged over seeds.

    Attributes:
      codes: [N] int class of each record.
    """

    def __init__(
        self,
        metadata: pd.DataFrame,
        plan: Sequence[Split],
        task: Task,
        options: Mapping[str, Any],
    ):
        """Prepares the test records of all trainings; arguments as in `Tally`."""
        # Floors do not depend on training.
        task = dataclasses.replace(task, floors=False)
        self._tally = Tally(metadata, plan, task, options)
        self._split_index = {
            (split.group, split.name): i for i, split in enumerate(plan)
        }
        self._right: dict[str, dict[int, list[Right]]] = {}
        self._marks: dict[str, list[Sequence[Mark]]] = {}
        self.codes = self._tally.codes

    def add(
        self,
        seed: int,
        name: str,
        decisions: Sequence[list[np.ndarray]],
        split_marks: Sequence[Mark],
    ) -> None:
        """Counts the decisions of a set of a training.

        Args:
          seed: of the training; every name needs the same seeds.
          name: full name of the set, the same in every training.
          decisions: per split and fold [n, K], as in `classification.decide`.
          split_marks: per split, the mark of its encoder on the test records.
        """
        self._right.setdefault(name, {})[seed] = [
            classification.right(sample, split_decisions)
            for sample, split_decisions in zip(
                self._tally.samples, decisions, strict=True
            )
        ]
        self._marks.setdefault(name, []).append(split_marks)

    def rows(self) -> list[Row]:
        """Returns the rows of scores.

        Returns:
          Per split, set and metric a row as in `Tally.rows`, of the mean over seeds,
          with "seeds", the value of each in their order ("of_seeds") and the "lowest";
          also in the difference to the untrained network.
        """
        for name, right_by_seed in self._right.items():
            marks_of_splits = zip(*self._marks[name], strict=True)
            split_marks = [
                marks.united(marks_of_seeds) for marks_of_seeds in marks_of_splits
            ]
            self._tally.add_right(name, _mean(right_by_seed.values()), split_marks)
        return [self._with_seeds(row) for row in self._tally.rows()]

    def _with_seeds(self, row: Row) -> Row:
        values = self._values(row, row["set"])
        differences = dict(row["differences"])
        if "untrained" in differences:
            gain = differences["untrained"]
            base = self._values(row, gain["against"])
            differences["untrained"] = gain | _each(values - base)
        seeds = list(self._right[row["set"]])
        return {**row, "seeds": seeds, **_each(values), "differences": differences}

    def _values(self, row: Row, name: str) -> np.ndarray:
        index = self._split_index[row["group"], row["split"]]
        sample = self._tally.samples[index]
        return np.array(
            [
                classification.balanced_accuracy(sample, right[index], row["metric"])
                for right in self._right[name].values()
            ]
        )


class Comparison:
    """Asks every training the same questions."""

    def __init__(
        self,
        plan: Plan,
        names: Sequence[str],
        metadata: pd.DataFrame,
        options: Mapping[str, Any],
        chosen_options: Mapping[str, Any],
    ):
        """Prepares the questions, which are the same for all trainings.

        Args:
          plan: the questions.
          names: full names of the sets that every training has, of a trained and an
            untrained encoder.
          metadata: [N] rows of Metadata_* columns, the same for all trainings.
          options: as in `Tally`, for every set by itself.
          chosen_options: the same, but several values of normalize and svm_c to choose
            from.
        """
        self._plan, self._names, self._metadata = plan, list(names), metadata
        self._options, self._chosen_options = options, chosen_options
        self._candidates = choice.candidates(names, chosen_options)
        self._each = [
            SeedTally(metadata, task_splits, task, options)
            for task, task_splits in plan.each
        ]
        of_choice = choice.tally_options(chosen_options)
        self._chosen = [
            SeedTally(
                metadata,
                [nested_split.split for nested_split in task_splits],
                task,
                of_choice,
            )
            for task, task_splits in plan.chosen
        ]

    @property
    def fits(self) -> int:
        """Number of SVMs per training, without the few after a choice."""
        each = sum(
            len(split.folds)
            for _, task_splits in self._plan.each
            for split in task_splits
        )
        inner = nested.inner_folds(self._plan.chosen)
        return each * len(self._names) + inner * len(self._candidates)

    def add(
        self,
        seed: int,
        sets: Mapping[str, FeatureSet],
        fitted: Callable[[int], None],
    ) -> None:
        """Asks one training.

        Args:
          seed: of the training.
          sets: full name -> set, of the records in their order; read one at a time.
          fitted: is called with the number of further SVMs that were fitted.
        """
        for name in self._names:
            feature_set = sets[name]
            for task_splits, tally in zip(self._plan.each, self._each, strict=True):
                self._judge(seed, feature_set, task_splits, tally, fitted)
        for question, tally in zip(self._plan.chosen, self._chosen, strict=True):
            self._choose(seed, sets, question, tally, fitted)

    def rows(self) -> list[Row]:
        """Returns the rows of scores, each with the text on its "counted" groups."""
        rows = [row for tally in (*self._each, *self._chosen) for row in tally.rows()]
        return [
            {**row, "counted": self._plan.counted[row["group"], row["split"]]}
            for row in rows
        ]

    def _judge(
        self, seed, feature_set: FeatureSet, task_splits: TaskSplits, tally, fitted
    ) -> None:
        task, plan = task_splits
        decisions = []
        for split in plan:
            split_decisions = classification.decide(
                feature_set.features,
                self._metadata,
                tally.codes,
                split,
                task,
                self._options,
                set_name=feature_set.name,
            )
            decisions.append(split_decisions)
            fitted(len(split_decisions))
        tally.add(
            seed, feature_set.name, decisions, marks.mark_splits(feature_set.seen, plan)
        )

    def _choose(self, seed, sets, question: Question, tally, fitted) -> None:
        candidates, options = self._candidates, self._chosen_options
        inner = choice.inner_scores(
            sets, self._metadata, question, candidates, options, fitted
        )
        choices = choice.choose_per_fold(candidates, inner.scores)
        choices_of_encoders = {
            pool: numbers for pool, numbers in choices.items() if pool != choice.ANY
        }
        decided = choice.decide(
            sets, self._metadata, question, candidates, choices_of_encoders, options
        )
        for pool, (decisions, split_marks) in decided.items():
            tally.add(seed, pool, decisions, split_marks)


def _mean(right_of_seeds) -> list[Right]:
    """Returns per split the share of seeds that are right on each record and well."""
    return [
        {
            level: np.mean([right[level] for right in right_of_split], 0)
            for level in right_of_split[0]
        }
        for right_of_split in zip(*right_of_seeds, strict=True)
    ]


def _each(values: np.ndarray) -> Row:
    return {"of_seeds": values.tolist(), "lowest": float(values.min())}
