"""Does training lift the features, over trainings that differ in their seed?

A record's score is the share of trainings whose classifier is right about it. Balanced
accuracy, its interval and the paired difference of trained and untrained networks are
then those of any classification: units are drawn again for all trainings at once. Such
an interval tells what other wells would have given for the mean of these trainings. How
far trainings lie apart, the values of each of them tell.
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
from gandl_jax.tasks.nested import Asked, Question
from gandl_jax.tasks.seed_plan import Plan
from gandl_jax.tasks.splits import Split

Row = dict[str, Any]


class SeedTally:
    """Counts whose decisions are right, averaged over seeds.

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
        """Prepares what is the same for all trainings; arguments as of `Tally`."""
        # Floors know of no training.
        task = dataclasses.replace(task, floors=False)
        self._tally = Tally(metadata, plan, task, options)
        self._places = {(split.group, split.name): i for i, split in enumerate(plan)}
        self._right: dict[str, dict[int, list[Right]]] = {}
        self._marks: dict[str, list[Sequence[Mark]]] = {}
        self.codes = self._tally.codes

    def add(
        self,
        seed: int,
        name: str,
        decisions: Sequence[list[np.ndarray]],
        own: Sequence[Mark],
    ) -> None:
        """Counts one more.

        Args:
          seed: of the training; every name is to be counted of the same ones.
          name: full name of the set that was decided by, the same of every training.
          decisions: per split and fold [n, K], as of `classification.decide`.
          own: per split, what its encoder saw of the test records.
        """
        self._right.setdefault(name, {})[seed] = [
            classification.right(sample, made)
            for sample, made in zip(self._tally.samples, decisions, strict=True)
        ]
        self._marks.setdefault(name, []).append(own)

    def rows(self) -> list[Row]:
        """The rows of scores.

        Returns:
          Per split, set and metric a row as of `Tally.rows`, of the mean over seeds,
          with "seeds", in their order the value of each ("of_seeds") and the lowest;
          so in the difference to the untrained network too.
        """
        for name, of_seeds in self._right.items():
            of_splits = zip(*self._marks[name], strict=True)
            own = [marks.united(of_split) for of_split in of_splits]
            self._tally.add_right(name, _mean(of_seeds.values()), own)
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
        place = self._places[row["group"], row["split"]]
        sample = self._tally.samples[place]
        return np.array(
            [
                classification.balanced_accuracy(sample, found[place], row["metric"])
                for found in self._right[name].values()
            ]
        )


class Comparison:
    """Asks every training the same."""

    def __init__(
        self,
        plan: Plan,
        names: Sequence[str],
        metadata: pd.DataFrame,
        options: Mapping[str, Any],
        chosen_options: Mapping[str, Any],
    ):
        """Prepares what is the same for all trainings.

        Args:
          plan: what is asked.
          names: full names of the sets, of a trained and an untrained encoder, that
            every training has.
          metadata: [N] rows of Metadata_* columns, the same for all trainings.
          options: as of a Tally, for every set by itself.
          chosen_options: the same, but several normalize and svm_c to choose from.
        """
        self._plan, self._names, self._metadata = plan, list(names), metadata
        self._options, self._chosen_options = options, chosen_options
        self._candidates = choice.candidates(names, chosen_options)
        self._each = [
            SeedTally(metadata, own, task, options) for task, own in plan.each
        ]
        of_choice = choice.tally_options(chosen_options)
        self._chosen = [
            SeedTally(metadata, [one.split for one in own], task, of_choice)
            for task, own in plan.chosen
        ]

    @property
    def fits(self) -> int:
        """How many SVMs a training takes, but for the few that learn with a choice."""
        each = sum(len(split.folds) for _, own in self._plan.each for split in own)
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
          seed: of it.
          sets: full name -> set, of the records in their order; read one at a time.
          fitted: is told how many more SVMs were fitted.
        """
        for name in self._names:
            one = sets[name]
            for asked, tally in zip(self._plan.each, self._each, strict=True):
                self._judge(seed, one, asked, tally, fitted)
        for question, tally in zip(self._plan.chosen, self._chosen, strict=True):
            self._choose(seed, sets, question, tally, fitted)

    def rows(self) -> list[Row]:
        """The rows of scores, each with what was "counted" of its split."""
        rows = [row for tally in (*self._each, *self._chosen) for row in tally.rows()]
        return [
            {**row, "counted": self._plan.counted[row["group"], row["split"]]}
            for row in rows
        ]

    def _judge(self, seed, one: FeatureSet, asked: Asked, tally, fitted) -> None:
        task, plan = asked
        decisions = []
        for split in plan:
            made = classification.decide(
                one.features,
                self._metadata,
                tally.codes,
                split,
                task,
                self._options,
                of=one.name,
            )
            decisions.append(made)
            fitted(len(made))
        tally.add(seed, one.name, decisions, marks.of_splits(one.seen, plan))

    def _choose(self, seed, sets, question: Question, tally, fitted) -> None:
        found, options = self._candidates, self._chosen_options
        inner = choice.inner_scores(
            sets, self._metadata, question, found, options, fitted
        )
        taken = choice.take(found, inner.scores)
        of_encoders = {pool: of for pool, of in taken.items() if pool != choice.ANY}
        decided = choice.decide(
            sets, self._metadata, question, found, of_encoders, options
        )
        for pool, (decisions, own) in decided.items():
            tally.add(seed, pool, decisions, own)


def _mean(of_seeds) -> list[Right]:
    """Per split the share of seeds that are right about each record and well."""
    return [
        {level: np.mean([one[level] for one in of_split], 0) for level in of_split[0]}
        for of_split in zip(*of_seeds, strict=True)
    ]


def _each(values: np.ndarray) -> Row:
    return {"of_seeds": values.tolist(), "lowest": float(values.min())}
