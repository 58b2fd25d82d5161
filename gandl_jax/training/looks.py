"""The looks that a method takes at its own training, by its checks.

Each look is at the same records with the same key; its metrics are stored with each
checkpoint, so that a resumed training has the same history.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gandl_jax import config as configs
from gandl_jax import hosts, parallel
from gandl_jax.methods.contract import FIXED, Check
from gandl_jax.training import soundness

HISTORY, FOUND = "looks", "looked"  # keys of a checkpoint's notes

Metrics = dict[str, float]


def first_records(batches: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the first `FIXED` records of whole batches as one batch.

    Returns:
      images, labels and index, as of the batches.
    """
    taken = []
    while sum(len(part["images"]) for part in taken) < FIXED:
        taken.append(next(batches))
    batch = jax.tree.map(lambda *x: np.concatenate(x)[:FIXED], *taken)
    return batch | {"index": np.arange(FIXED, dtype=np.int32)}


def found_at(notes: Mapping[str, Any], checks: Sequence[Check]) -> Metrics:
    """Returns the metrics of the last looks before a checkpoint, from its notes."""
    if FOUND in notes:
        return notes[FOUND]
    histories = (check.former(notes) for check in checks)
    return {
        name: value
        for history in histories
        if history
        for name, value in history[-1].items()
    }


class Looks:
    """The looks that are due; one that finds trouble raises it.

    The first of several hosts looks for all.

    Args:
      checks: the method's.
      fixed: returns the records that are looked at.
      key: of all looks.
      batch: images per step.
      notes: of the checkpoint that the training resumes from; {} at its start.
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
        """Returns the checks that are due after a step.

        Args:
          step: steps completed.
          all_are: whether a checkpoint or a grid is due too.
        """
        on = [check for check in self._checks if check.every_images]
        return [check for check in on if all_are or self._is_due(check, step)]

    def _is_due(self, check: Check, step: int) -> bool:
        return step % configs.steps(check.every_images, self._batch) == 0

    def take(self, step: int, state: Any, due: Sequence[Check]) -> list[Metrics]:
        """Runs the checks that are due; returns their metrics and adds them to history.

        Raises:
          Trouble: a check finds the training unsound, or a number is not finite.
        """
        return [
            self._take(step, state, check, self._history[check.name]) for check in due
        ]

    def take_aside(self, step: int, state: Any) -> None:
        """Looks before a checkpoint that is not due, without adding to history.

        A check without history is left out: it has nothing to compare with.

        Raises:
          Trouble: as in `take`.
        """
        for check in self._checks:
            if history := self._history[check.name]:
                self._take(step, state, check, list(history))

    def _take(self, step: int, state: Any, check: Check, history: list) -> Metrics:
        metrics = hosts.once(lambda: self._look(check, state))
        soundness.first_not_finite([(step, metrics)])
        history.append(metrics)
        self._found |= metrics
        if trouble := check.trouble(history):
            raise soundness.Trouble(
                step,
                trouble.why,
                what=check.name,
                metric=trouble.metric,
                least=trouble.least,
            )
        return metrics

    def _look(self, check: Check, state: Any) -> Metrics:
        metrics = self._fns[check.name](state, self._fixed(), self._key)
        return {name: float(value) for name, value in metrics.items()}

    def notes(self) -> dict[str, Any]:
        """Returns the notes for a checkpoint: history and last metrics."""
        history = {name: list(looks) for name, looks in self._history.items()}
        return {HISTORY: history, FOUND: dict(self._found)}
