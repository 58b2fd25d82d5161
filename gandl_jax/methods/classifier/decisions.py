"""What the heads of a classifier decide: classes at once, or step by step.

A hierarchy (`gandl_jax/stages.py`) has a head for each of its decisions, of which each
is balanced by itself. A class is as likely as all decisions that lead to it together.
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
LEAVES = "leaves_"  # before a column's name: the set of its classes' probabilities


class Flat:
    """A head for each column of labels.

    Args:
      source: gives classes and their counts.
      weigh: from the counts of classes to what a record of each counts.

    Attributes:
      sides: head to the names of what it tells apart.
      weights: head to [n] float32, what a record of each side counts.
    """

    def __init__(self, source: Source, weigh: Callable[[Sequence[int]], np.ndarray]):
        self.sides = dict(source.classes)
        self._counts = dict(source.class_counts)
        self.weights = {name: weigh(counts) for name, counts in self._counts.items()}

    def codes(self, labels: Mapping[str, Array]) -> dict[str, Array]:
        """Head to [B] int32 side of each sample, -1 where it is not known."""
        return {name: labels[name] for name in self.sides}

    def logarithms(self, answers: Mapping[str, Array]) -> dict[str, Array]:
        """Column to [B, K] logarithms of probabilities, by the heads' logits."""
        return {name: jax.nn.log_softmax(x) for name, x in answers.items()}

    def priors(self) -> dict[str, np.ndarray]:
        """Column to [K]: how frequent each class is in what is learnt, of sum 1."""
        return {name: self._shares(name) for name in self.sides}

    def _shares(self, head: str) -> np.ndarray:
        """[n] of a head's sides; alike where nobody counted."""
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
      InputError: it names an unknown class, or leaves one out; or there are several
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
        what = f"config.data.label={self._column}"
        stages.check_names(KEY, self._stages, self._names, what)
        made = {
            f"{self._column}_{number}": decision
            for number, decision in enumerate(self._stages.decisions, 1)
        }
        # The side of each class, -1 where a decision is not about it; last a blank's.
        self._side = {
            head: np.array([*map(decision.side, self._names), -1], np.int32)
            for head, decision in made.items()
        }
        counts = np.array(source.class_counts.get(self._column, ()), np.int64)
        of_sides = {
            head: tuple(
                int(counts[side[:-1] == i].sum()) for i in range(side.max() + 1)
            )
            for head, side in self._side.items()
            if len(counts)
        }
        classes = {
            head: tuple(" or ".join(side) for side in decision.sides)
            for head, decision in made.items()
        }
        super().__init__(Source(source.channels, classes, of_sides), weigh)

    def codes(self, labels: Mapping[str, Array]) -> dict[str, Array]:
        """As in `Flat`; a blank has the code -1, the last place of a table."""
        own = labels[self._column]
        return {head: jnp.asarray(side)[own] for head, side in self._side.items()}

    def logarithms(self, answers: Mapping[str, Array]) -> dict[str, Array]:
        """As in `Flat`: sums over the decisions that lead to a class."""
        total = jnp.zeros((len(next(iter(answers.values()))), len(self._names)))
        for head, side in self._side.items():
            told = jax.nn.log_softmax(answers[head])[:, np.maximum(side[:-1], 0)]
            total += jnp.where((side[:-1] >= 0)[None], told, 0.0)
        return {self._column: total}

    def priors(self) -> dict[str, np.ndarray]:
        """As in `Flat`: products of the sides' shares."""
        found = stages.shares(self._stages, [self._shares(head) for head in self.sides])
        return {self._column: np.array([found[name] for name in self._names])}


def of_config(
    config, source: Source, weigh: Callable[[Sequence[int]], np.ndarray]
) -> Flat:
    """What a config's heads decide; arguments as above."""
    if not config.method.hierarchy:
        return Flat(source, weigh)
    return Hierarchy(config.method.hierarchy, source, weigh)


def set_name(column: str) -> str:
    """The feature set of the probabilities of a column's classes."""
    return f"{LEAVES}{column.lower()}"


def _one_column(source: Source) -> tuple[str, tuple[str, ...]]:
    if len(source.classes) != 1:
        raise InputError(
            f"config.{KEY} is of the classes of one column, and config.data.label "
            f"names {', '.join(source.classes) or 'none'}: name one"
        )
    return next(iter(source.classes.items()))
