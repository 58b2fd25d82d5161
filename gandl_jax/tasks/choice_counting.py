"""What sets are right about of which each fold chooses one, by its training part.

The questions of a classification are asked once more. Which of an encoder's sets, by
which normalisation and C, a fold has not been told: it chooses among them as
`choice` does, by a cross-validation within its training part.
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
    """Counts what a linear SVM decides rightly by the set that its fold has chosen.

    Attributes:
      questions: in order.
      chosen_by: of its options those that a choice alone depends on.
    """

    def __init__(
        self,
        plan: Sequence[nested.Question],
        metadata: pd.DataFrame,
        options: Mapping[str, Any],
    ):
        """Prepares what is the same for all encoders.

        Args:
          plan: as of `nested.plan`.
          metadata: [N] rows of Metadata_* columns.
          options: of the task; inner_folds; normalize and svm_c, of each some.
        """
        self._plan, self._metadata, self._options = plan, metadata, options
        self.chosen_by = {key: options[key] for key in CHOSEN_BY}
        outer = [(task, [one.split for one in own]) for task, own in plan]
        self._counting = counting.Classification(
            outer, metadata, choice.tally_options(options)
        )
        self.questions = [
            Question({**q.about, "choice": WORDS}, q.counted, q.lower_is_better)
            for q in self._counting.questions
        ]

    def fits(self, names: Collection[str]) -> int:
        """How many SVMs sets of these names take."""
        candidates = choice.candidates(names, self._options)
        inner = sum(
            fold_svms.count(task.codes(self._metadata)[0], within.folds)
            for task, own in self._plan
            for one in own
            for within in one.within
        )
        return len(candidates) * inner + self._counting.fits

    def answers(self, sets: Mapping[str, FeatureSet]) -> list[Answer]:
        """What the sets that folds have chosen are right about, of each question.

        Args:
          sets: full name -> set, those of one encoder; read one at a time.
        """
        found, decisions = choice.candidates(sets, self._options), []
        for question in self._plan:
            own = self._metadata, question, found
            inner = choice.inner_scores(sets, *own, self._options, _ignore)
            taken = choice.take(found, inner.scores)
            decided = choice.decide(sets, *own, taken, self._options)
            (of_splits,) = decided.values()  # of one encoder there is one pool
            decisions += zip(*of_splits, strict=True)
        return self._counting.counted(decisions)

    def floors(self) -> dict[str, list[Answer]]:
        """The same by a record's plate and its place on the plate alone."""
        return self._counting.floors()


def _ignore(count: int) -> None:
    """Tells nobody."""
