"""Counts of right decisions by the set that each fold chooses, by its training part.

The questions of a classification are asked again, without naming the set,
normalisation and C: each fold chooses among those of an encoder as `choice` does, by a
cross-validation within its training part.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import choice, counting, fold_svms, nested
from gandl_jax.tasks.counting import Answer, Question

WORDS = "set chosen in each fold"
CHOSEN_BY = ("inner_folds", "normalize", "svm_c")


class ChoiceCounting:
    """Counts right decisions of a linear SVM on the set that its fold has chosen.

    Attributes:
      questions: in order.
      chosen_by: the options that only a choice depends on.
    """

    def __init__(
        self,
        plan: Sequence[nested.Question],
        metadata: pd.DataFrame,
        options: Mapping[str, Any],
    ):
        """Prepares the questions, which are the same for all encoders.

        Args:
          plan: as in `nested.plan`.
          metadata: [N] rows of Metadata_* columns.
          options: of the task; inner_folds; normalize and svm_c, several values of
            each.
        """
        self._plan, self._metadata, self._options = plan, metadata, options
        self.chosen_by = {key: options[key] for key in CHOSEN_BY}
        outer = [
            (task, [nested_split.split for nested_split in splits])
            for task, splits in plan
        ]
        self._counting = counting.Classification(
            outer, metadata, choice.tally_options(options)
        )
        self.questions = [
            Question({**q.about, "choice": WORDS}, q.counted, q.lower_is_better)
            for q in self._counting.questions
        ]

    def fits(self, names: Collection[str]) -> int:
        """Counts the SVMs that sets of these names take."""
        candidates = choice.candidates(names, self._options)
        inner = sum(
            fold_svms.count(task.codes(self._metadata)[0], within.folds)
            for task, splits in self._plan
            for nested_split in splits
            for within in nested_split.within
        )
        return len(candidates) * inner + self._counting.fits

    def answers(self, sets: Mapping[str, FeatureSet]) -> list[Answer]:
        """Returns the answer of the chosen sets to each question.

        Args:
          sets: full name -> set, of one encoder; read one at a time.
        """
        tried, decisions = choice.candidates(sets, self._options), []
        for question in self._plan:
            arguments = self._metadata, question, tried
            inner = choice.inner_scores(sets, *arguments, self._options, _ignore)
            choices = choice.choose_per_fold(tried, inner.scores)
            decided = choice.decide(sets, *arguments, choices, self._options)
            (of_splits,) = decided.values()  # of one encoder there is one pool
            decisions += zip(*of_splits, strict=True)
        return self._counting.counted(decisions)

    def floors(self) -> dict[str, list[Answer]]:
        """Returns the answers of the floors: plate identity and well position."""
        return self._counting.floors()


def _ignore(count: int) -> None:
    """Ignores the number of fits, which `steps` counts already."""
