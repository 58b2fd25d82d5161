"""Macro true positive rate and F1 of decisions, with intervals over groups.

Groups are drawn again as in `bootstrap.py` (Bayesian bootstrap), each with its whole
confusion matrix; the unit that is added to each class guesses among all classes.
"""

import dataclasses

import numpy as np

from gandl_jax.tasks import bootstrap

METRICS = {"macro_tpr": 0, "macro_f1": 1}  # index in values


@dataclasses.dataclass(frozen=True)
class Score:
    """Scores of one way of deciding.

    Attributes:
      values: [2] macro true positive rate and F1.
      draws: [D, 2] the same in every draw of groups.
      by_class: [2, K] the two of each class.
      confusion: [K, K] records by class and decision.
    """

    values: np.ndarray
    draws: np.ndarray
    by_class: np.ndarray
    confusion: np.ndarray


class Counter:
    """Counts decisions on the same records and draws.

    Args:
      codes: [n] int class of each tested record.
      unit: [n] int bootstrap unit of each, a group.
      classes: [K] int, the possible classes, ascending.
      learnt_from: number of training records, mean over folds.
      draws: D.
      seed: of the draws.

    Attributes:
      stretch: factor by which intervals are wider than draws.
      chance: [2] scores of guessing all classes with equal probability.
    """

    def __init__(
        self,
        codes: np.ndarray,
        unit: np.ndarray,
        classes: np.ndarray,
        learnt_from: float,
        *,
        draws: int,
        seed: int,
    ):
        self._classes, self._draws, self._seed = classes, draws, seed
        self._codes = np.searchsorted(classes, codes)
        self._unit = np.unique(unit, return_inverse=True)[1]
        self._units = self._unit.max() + 1
        total = self._counted(self._codes).sum(2)
        tested = len(codes)
        self.stretch = bootstrap.stretch(total, tested=tested, trained=learnt_from)
        sizes = total.sum(0)
        guessed = np.repeat(sizes[:, None] / len(classes), len(classes), 1)
        self.chance = macro(rates(guessed))

    def score(self, decided: np.ndarray, *, prior: int) -> Score:
        """Counts decisions.

        Args:
          decided: [n] int classes.
          prior: seed of the added units; must differ between two whose difference is
            wanted.
        """
        counted = self._counted(np.searchsorted(self._classes, decided))
        confusion = counted.sum(0)
        by_class = rates(confusion)
        draws = macro(rates(self._drawn(counted, prior)))
        return Score(macro(by_class), draws, by_class, confusion)

    def shares(self, decided: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Splits the score of each metric into sums over units.

        Args:
          decided: [n] int classes.

        Returns:
          Metric to [U, K] records that are decided rightly and [U, K] what they are a
          share of: the records of a class, and for F1 the mean of these and of those
          decided to be of it.
        """
        counted = self._counted(np.searchsorted(self._classes, decided))
        right = np.diagonal(counted, axis1=1, axis2=2)
        of_class, told = counted.sum(2), counted.sum(1)
        return {
            "macro_tpr": (right, of_class),
            "macro_f1": (right, (of_class + told) / 2),
        }

    def _counted(self, decided: np.ndarray) -> np.ndarray:
        """Counts records of each unit, by class and decision: [U, K, K] float64."""
        shape = self._units, len(self._classes), len(self._classes)
        bins = np.ravel_multi_index((self._unit, self._codes, decided), shape)
        counts = np.bincount(bins, minlength=int(np.prod(shape)))
        return counts.reshape(shape).astype(np.float64)

    def _drawn(self, counted: np.ndarray, prior: int) -> np.ndarray:
        """Draws [D, K, K] sums over units, with new weights in every draw."""
        classes = len(self._classes)
        rng = np.random.default_rng(self._seed)
        added = np.random.default_rng([self._seed, prior])
        share = (self._draws, classes, classes)
        right, total = np.diagonal(counted, axis1=1, axis2=2), counted.sum(2)
        worth = bootstrap.worth(right, total)[None, :, None]
        drawn = worth * added.gamma(1 / classes, size=share)
        flat = counted.reshape(len(counted), -1)
        block = max(1, bootstrap.BLOCK // len(flat))
        for start in range(0, self._draws, block):
            count = min(block, self._draws - start)
            weights = rng.exponential(size=(count, len(flat)))
            drawn[start : start + count] += (weights @ flat).reshape(-1, *share[1:])
        return drawn


def rates(confusion: np.ndarray) -> np.ndarray:
    """Computes true positive rate and F1 [..., 2, K] from records [..., K, K]."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    class_sizes, decided = confusion.sum(-1), confusion.sum(-2)
    return np.stack([right / class_sizes, 2 * right / (class_sizes + decided)], -2)


def macro(by_class: np.ndarray) -> np.ndarray:
    """Averages [..., 2, K] over the classes: [..., 2]."""
    return by_class.mean(-1)
