"""The decisions of a classifier's heads: classes at once, or step by step.

A hierarchy (`gandl_jax/stages.py`) has a head for each of its decisions, and each is
balanced by itself. The probability of a class is the product of those of the decisions
that lead to it.
"""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gandl_jax import stages
from gandl_jax.errors import InputError
from gandl_jax.methods.source import Source

KEY = "method.hierarchy"
LEAVES = "leaves_"  # prefix of a column's name: the set of class probabilities


class Flat:
    """A head for each column of labels.

    Args:
      source: gives classes and their counts.
      weigh: function of counts of classes to the weight of a record of each.

    Attributes:
      sides: {head: names of the sides that it tells apart}.
      weights: {head: [n] float32}, weight of a record of each side.
    """

    def __init__(self, source: Source, weigh: Callable[[Sequence[int]], np.ndarray]):
        self.sides = dict(source.classes)
        self._counts = dict(source.class_counts)
        self.weights = {name: weigh(counts) for name, counts in self._counts.items()}

    def codes(self, labels: Mapping[str, Array]) -> dict[str, Array]:
        """Returns {head: [B] int32}, the side of each sample, -1 if not known."""
        return {name: labels[name] for name in self.sides}

    def logarithms(self, answers: Mapping[str, Array]) -> dict[str, Array]:
        """Returns {column: [B, K]} logarithms of probabilities, by heads' logits."""
        return {name: jax.nn.log_softmax(logits) for name, logits in answers.items()}

    def priors(self) -> dict[str, np.ndarray]:
        """Returns {column: [K]}, the weighted frequency of each class, of sum 1."""
        return {name: self._shares(name) for name in self.sides}

    def _shares(self, head: str) -> np.ndarray:
        """Returns the frequencies of a head's sides, [n]; equal if not counted."""
        count = len(self.sides[head])
        if not len(self._counts.get(head, ())):
            return np.full(count, 1 / count)
        weighed = np.asarray(self._counts[head], np.float64) * self.weights[head]
        return weighed / weighed.sum()


class Hierarchy(Flat):
    """A head for each decision about the classes of one column.

    Args:
      text: `config.method.hierarchy`.
      source: gives the classes and their counts.
      weigh: as in `Flat`.

    Raises:
      InputError: `text` names an unknown class or leaves one out, or there are several
        columns.
    """

    def __init__(
        self,
        text: str,
        source: Source,
        weigh: Callable[[Sequence[int]], np.ndarray],
    ):
        self._column, self._names = _one_column(source)
        self._stages = stages.read(KEY, text)
        label_setting = f"config.data.label={self._column}"
        stages.check_names(KEY, self._stages, self._names, label_setting)
        decisions = {
            f"{self._column}_{number}": decision
            for number, decision in enumerate(self._stages.decisions, 1)
        }
        # The side of each class, -1 if a decision is not about it; the last is a blank.
        self._side = {
            head: np.array([*map(decision.side, self._names), -1], np.int32)
            for head, decision in decisions.items()
        }
        counts = np.array(source.class_counts.get(self._column, ()), np.int64)
        side_counts = {
            head: tuple(
                int(counts[side[:-1] == index].sum()) for index in range(side.max() + 1)
            )
            for head, side in self._side.items()
            if len(counts)
        }
        classes = {
            head: tuple(" or ".join(side) for side in decision.sides)
            for head, decision in decisions.items()
        }
        super().__init__(Source(source.channels, classes, side_counts), weigh)

    def codes(self, labels: Mapping[str, Array]) -> dict[str, Array]:
        """Returns codes as in `Flat`; a blank, code -1, is last in each table."""
        classes = labels[self._column]
        return {head: jnp.asarray(side)[classes] for head, side in self._side.items()}

    def logarithms(self, answers: Mapping[str, Array]) -> dict[str, Array]:
        """Returns logarithms as in `Flat`: sums over the decisions of a class."""
        total = jnp.zeros((len(next(iter(answers.values()))), len(self._names)))
        for head, side in self._side.items():
            side_logarithms = jax.nn.log_softmax(answers[head])[
                :, np.maximum(side[:-1], 0)
            ]
            total += jnp.where((side[:-1] >= 0)[None], side_logarithms, 0.0)
        return {self._column: total}

    def priors(self) -> dict[str, np.ndarray]:
        """Returns priors as in `Flat`: products of the sides' shares."""
        class_shares = stages.shares(
            self._stages, [self._shares(head) for head in self.sides]
        )
        return {self._column: np.array([class_shares[name] for name in self._names])}


def make_decisions(
    config, source: Source, weigh: Callable[[Sequence[int]], np.ndarray]
) -> Flat:
    """Makes the decisions of a config's heads; arguments as in `Hierarchy`."""
    if not config.method.hierarchy:
        return Flat(source, weigh)
    return Hierarchy(config.method.hierarchy, source, weigh)


def set_name(column: str) -> str:
    """Names the feature set of the probabilities of a column's classes."""
    return f"{LEAVES}{column.lower()}"


def _one_column(source: Source) -> tuple[str, tuple[str, ...]]:
    if len(source.classes) != 1:
        raise InputError(
            f"config.{KEY} is of the classes of one column, and config.data.label "
            f"names {', '.join(source.classes) or 'none'}: name one"
        )
    return next(iter(source.classes.items()))
