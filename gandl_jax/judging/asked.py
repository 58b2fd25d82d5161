"""Questions of a task to each entrant, on its headline set and on chosen sets."""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from gandl_jax import modules
from gandl_jax.judging.kept_answers import KeptAnswers
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.tasks import seed_plan
from gandl_jax.tasks.choice_counting import ChoiceCounting
from gandl_jax.tasks.counting import Answer, Classification, Counting, Question


class Asked:
    """The questions of a task, and the counts that answer them.

    Args:
      headline: counts for one set of an encoder.
      choosing: counts for the set that each fold chooses; None if no fold chooses.
    """

    def __init__(self, headline: Counting, choosing: ChoiceCounting | None):
        self._headline, self._choosing = headline, choosing

    @property
    def ways(self) -> tuple[str, ...]:
        """Names of the ways in which a set is judged; ("",) is one without a name."""
        return getattr(self._headline, "ways", ("",))

    @property
    def questions(self) -> list[Question]:
        """Questions about the headline set, then about chosen sets."""
        chosen = self._choosing.questions if self._choosing else ()
        return [*self._headline.questions, *chosen]

    def fits(self, names: Collection[str]) -> int:
        """Counts the fits for the sets of an encoder.

        Args:
          names: full names of the sets.
        """
        of_choosing = self._choosing.fits(names) if self._choosing else 0
        return self._headline.fits + of_choosing

    def answers(
        self,
        sets: Mapping[str, FeatureSet],
        name: str,
        stored_answers: KeptAnswers,
        made_from: Mapping[str, Any],
    ) -> list[Answer]:
        """Returns the answer of an encoder to each question.

        Args:
          sets: full name -> set, of the encoder.
          name: full name of its headline set.
          stored_answers: store of the answers.
          made_from: sources of the sets, as plain data.

        Returns:
          For each way, in order, one answer to each question.
        """
        headline = self._headline
        if hasattr(headline, "judged"):
            name = headline.judged(list(sets), name)
        sources = {**made_from, "set": name}
        answers = stored_answers.read_or_make(
            sources, headline.fits, lambda: headline.answers(sets[name])
        )
        if choosing := self._choosing:
            sources = {**made_from, "sets": list(sets), **choosing.chosen_by}
            answers += stored_answers.read_or_make(
                sources, choosing.fits(sets), lambda: choosing.answers(sets)
            )
        return answers

    def floors(self) -> dict[str, list[Answer]]:
        """Returns the answers of the floors: plate identity and well position."""
        of_headline = self._headline.floors()
        of_choosing = self._choosing.floors() if self._choosing and of_headline else {}
        return {
            name: answers + of_choosing.get(name, [])
            for name, answers in of_headline.items()
        }


def for_task(name: str, metadata: pd.DataFrame, options: Mapping[str, Any]) -> Asked:
    """Returns the questions that a task asks of records.

    Args:
      name: of the task.
      metadata: [N] rows of Metadata_* columns.
      options: of the task, and as in `seed_plan.plan`; under "choose" the candidates.

    Returns:
      Its questions; warns of impossible ones.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: the task is not possible.
    """
    module = modules.load("tasks", name)
    if hasattr(module, "counting"):
        return Asked(module.counting(metadata, options), None)
    plan, choosing = seed_plan.plan(module, metadata, options), None
    if plan.chosen:
        to_choose = {**options, **options["choose"]}
        choosing = ChoiceCounting(plan.chosen, metadata, to_choose)
    return Asked(Classification(plan.each, metadata, options), choosing)
