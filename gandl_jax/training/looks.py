"""The looks that a method takes at its own training: when, on what, and what they tell.

Always at the same records and with the same key; what they found is kept with each
checkpoint, so that a training that resumes knows what it knew.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gandl_jax import config as configs
from gandl_jax import hosts, parallel
from gandl_jax.methods.contract import FIXED, Check
from gandl_jax.training import soundness

HISTORY, FOUND = "looks", "looked"  # among what a checkpoint notes

Metrics = dict[str, float]


def first_records(batches: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
    """The first `FIXED` records of whole batches, as a batch: images, labels, index."""
    parts = []
    while sum(len(part["images"]) for part in parts) < FIXED:
        parts.append(next(batches))
    found = jax.tree.map(lambda *x: np.concatenate(x)[:FIXED], *parts)
    return found | {"index": np.arange(FIXED, dtype=np.int32)}


def found_at(notes: Mapping[str, Any], checks: Sequence[Check]) -> Metrics:
    """What the last looks before a checkpoint found, by what was noted with it."""
    if FOUND in notes:
        return notes[FOUND]
    past = (check.former(notes) for check in checks)
    return {name: x for looks in past if looks for name, x in looks[-1].items()}


class Looks:
    """Takes the looks that are due, and raises where one finds trouble.

    Of several hosts the first looks, for all.

    Args:
      checks: the method's.
      fixed: gives the records that are looked at.
      key: of all looks.
      batch: images per step.
      notes: of the checkpoint that the training goes on from; {} at its start.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        *,
        fixed: Callable[[], Mapping[str, Any]],
        key: jax.Array,
        batch: int,
        notes: Mapping[str, Any],
    ):
        self._checks, self._fixed, self._key = checks, fixed, key
        self._batch = batch
        self._fns = {check.name: parallel.on_one(check.fn) for check in checks}
        noted = notes.get(HISTORY, {})
        self._history = {
            check.name: list(noted.get(check.name, check.former(notes)))
            for check in checks
        }
        self._found = dict(found_at(notes, checks))

    def due(self, step: int, *, all_are: bool) -> list[Check]:
        """The checks that look after a step.

        Args:
          step: steps completed.
          all_are: whether a checkpoint or a grid is due too.
        """
        on = [check for check in self._checks if check.every_images]
        return [check for check in on if all_are or self._is_due(check, step)]

    def _is_due(self, check: Check, step: int) -> bool:
        return step % configs.steps(check.every_images, self._batch) == 0

    def take(self, step: int, state: Any, due: Sequence[Check]) -> list[Metrics]:
        """What each check that is due finds; it counts as history from now on.

        Raises:
          Trouble: a check finds the training unsound, or a number is not finite.
        """
        return [
            self._take(step, state, check, self._history[check.name]) for check in due
        ]

    def take_aside(self, step: int, state: Any) -> None:
        """Looks before a checkpoint that is not due; no later look knows of it.

        A check that has never looked has nothing to compare with, and does not.

        Raises:
          Trouble: as `take`.
        """
        for check in self._checks:
            if past := self._history[check.name]:
                self._take(step, state, check, list(past))

    def _take(self, step: int, state: Any, check: Check, history: list) -> Metrics:
        found = hosts.once(lambda: self._look(check, state))
        soundness.first_not_finite([(step, found)])
        history.append(found)
        self._found |= found
        if told := check.trouble(history):
            raise soundness.Trouble(
                step, told.why, what=check.name, metric=told.metric, least=told.least
            )
        return found

    def _look(self, check: Check, state: Any) -> Metrics:
        found = self._fns[check.name](state, self._fixed(), self._key)
        return {name: float(value) for name, value in found.items()}

    def notes(self) -> dict[str, Any]:
        """What a checkpoint keeps of them."""
        history = {name: list(looks) for name, looks in self._history.items()}
        return {HISTORY: history, FOUND: dict(self._found)}
