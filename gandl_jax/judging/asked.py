"""What a task asks of every entrant: of its headline set, and of what folds choose."""

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
    """The questions of a task, and who answers them.

    Args:
      headline: asks one set of an encoder.
      choosing: asks for the set that each fold chooses; None where nobody asks that.
    """

    def __init__(self, headline: Counting, choosing: ChoiceCounting | None):
        self._headline, self._choosing = headline, choosing

    @property
    def ways(self) -> tuple[str, ...]:
        """Names of the ways in which a set is judged; ("",) is one without a name."""
        return getattr(self._headline, "ways", ("",))

    @property
    def questions(self) -> list[Question]:
        """All of them, in order."""
        chosen = self._choosing.questions if self._choosing else ()
        return [*self._headline.questions, *chosen]

    def fits(self, names: Collection[str]) -> int:
        """How many fits the sets of an encoder take, by their full names."""
        own = self._choosing.fits(names) if self._choosing else 0
        return self._headline.fits + own

    def answers(
        self,
        sets: Mapping[str, FeatureSet],
        name: str,
        kept: KeptAnswers,
        made_from: Mapping[str, Any],
    ) -> list[Answer]:
        """What an encoder answers to each question.

        Args:
          sets: full name -> set, those of the encoder.
          name: full name of its headline set.
          kept: where answers are kept.
          made_from: what the sets come from.

        Returns:
          Of each way in order one for each question.
        """
        headline = self._headline
        if hasattr(headline, "judged"):
            name = headline.judged(list(sets), name)
        told = {**made_from, "set": name}
        made = kept.of(told, headline.fits, lambda: headline.answers(sets[name]))
        if choosing := self._choosing:
            told = {**made_from, "sets": list(sets), **choosing.chosen_by}
            made += kept.of(told, choosing.fits(sets), lambda: choosing.answers(sets))
        return made

    def floors(self) -> dict[str, list[Answer]]:
        """The answers by a record's plate and its place on the plate alone."""
        found = self._headline.floors()
        chosen = self._choosing.floors() if self._choosing and found else {}
        return {name: own + chosen.get(name, []) for name, own in found.items()}


def of_task(name: str, metadata: pd.DataFrame, options: Mapping[str, Any]) -> Asked:
    """What a task asks of records.

    Args:
      name: of the task.
      metadata: [N] rows of Metadata_* columns.
      options: of the task, and as of `seed_plan.plan`; under "choose" the candidates.

    Returns:
      Its questions; warns of what is not possible.

    Raises:
      InputError: a unit or group in the config that the screen does not have.
      Skip: where the task is not possible.
    """
    module = modules.load("tasks", name)
    if hasattr(module, "counting"):
        return Asked(module.counting(metadata, options), None)
    plan, choosing = seed_plan.plan(module, metadata, options), None
    if plan.chosen:
        to_choose = {**options, **options["choose"]}
        choosing = ChoiceCounting(plan.chosen, metadata, to_choose)
    return Asked(Classification(plan.each, metadata, options), choosing)
