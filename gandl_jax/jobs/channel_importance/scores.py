"""Accuracy lost with a channel, with intervals; also for each class.

Networks of several seeds are judged on the same records. The same units (wells) are
resampled for all, and seeds are replicates: see `tasks/comparison.py`.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.jobs.channel_importance import answers
from gandl_jax.jobs.channel_importance.text import CONTROLS, RECALL
from gandl_jax.tasks import comparison
from gandl_jax.tasks.comparison import Counted, Scores, Seeds

FLOOR_PRIOR = 2**20  # used for no network, see `bootstrap.recalls`
Row = dict[str, Any]
IsRight = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Answered:
    """Answers of networks about the same records.

    Attributes:
      channels: C names.
      permutations: of each channel.
      whole: answers of the networks of all channels, by seed, as from `Asking.ask`.
      without: channel to answers of networks that were trained without it, by seed.
      units: [m] str, that are resampled.
      trained: number of records that the networks learnt from.
      draws: number of the bootstrap's.
      seed: of the draws.
    """

    channels: Sequence[str]
    permutations: int
    whole: Sequence[pd.DataFrame]
    without: Mapping[str, Sequence[pd.DataFrame]]
    units: np.ndarray
    trained: int
    draws: int
    seed: int


@dataclasses.dataclass(frozen=True)
class Asked:
    """A question about records: are they named correctly?

    Attributes:
      label: label column that is learnt.
      groups: [m] int, the group that each record counts for, 0 to K - 1; -1 does not
        count. The score is the mean over groups of the share that is right.
      is_right: maps [m] named classes to [m] bool.
      chance: the score of guessing.
    """

    label: str
    groups: np.ndarray
    is_right: IsRight
    chance: float


def classes(label: str, codes: np.ndarray, count: int) -> Asked:
    """Asks if records of all classes are named correctly: balanced accuracy.

    Args:
      label: label column that is learnt.
      codes: [m] int class of each record, -1 if blank; some classes may lack.
      count: of classes that a network names.
    """
    _, groups = np.unique(codes, return_inverse=True)
    groups = groups - int((codes < 0).any())  # blanks come first
    return Asked(label, groups, lambda named: named == codes, 1 / count)


def one_class(asked: Asked, codes: np.ndarray, code: int) -> Asked:
    """Asks if records of one class are named correctly: its recall."""
    return dataclasses.replace(asked, groups=np.where(codes == code, 0, -1))


def against_controls(
    label: str, codes: np.ndarray, code: int, controls: Sequence[int]
) -> Asked:
    """Asks if records of a class are told from controls: the mean of both shares.

    A record of the class is right if no control is named, a control if one is.

    Args:
      label: label column that is learnt.
      codes: [m] int class of each record.
      code: of the class.
      controls: classes that are controls.
    """
    is_control = np.isin(codes, controls)
    groups = np.select([codes == code, is_control], [0, 1], -1)
    return Asked(
        label, groups, lambda named: np.isin(named, controls) == is_control, 1 / 2
    )


@dataclasses.dataclass(frozen=True)
class Judgement:
    """Scores of a question.

    Attributes:
      counted: counts of records.
      whole: of the networks of all channels.
      permuted: channel to their scores with that channel permuted.
      without: channel to scores of networks that were trained without it.
    """

    counted: Counted
    whole: Scores
    permuted: Mapping[str, Scores]
    without: Mapping[str, Scores]


def judge(asked: Asked, answered: Answered) -> Judgement:
    """Scores all networks on a question."""
    counts = _Counts(asked, answered)
    permuted = {
        name: counts.scores(answered.whole, channel, prior=1 + channel)
        for channel, name in enumerate(answered.channels)
    }
    without = {
        name: counts.scores(tables, None, prior=1 + len(permuted) + number)
        for number, (name, tables) in enumerate(answered.without.items())
    }
    whole = counts.scores(answered.whole, None, prior=0)
    return Judgement(counts.counted, whole, permuted, without)


def floor(asked: Asked, answered: Answered, named: np.ndarray) -> Scores:
    """Scores classes that were named without a network, on the same draws.

    Args:
      asked: the question.
      answered: of the networks.
      named: [m] named classes.
    """
    counts = _Counts(asked, answered)
    return counts.score([asked.is_right(named)], prior=FLOOR_PRIOR, has_seeds=False)


class _Counts:
    """Counts of records by unit and group."""

    def __init__(self, asked: Asked, answered: Answered):
        self._asked, self._answered = asked, answered
        self._known = asked.groups >= 0
        _, self._unit = np.unique(answered.units[self._known], return_inverse=True)
        self._shape = self._unit.max() + 1, asked.groups.max() + 1
        total = self._added(np.ones(len(asked.groups)))
        tested = int(self._known.sum())
        self.counted = Counted(total, tested, answered.trained, asked.chance)

    def scores(
        self, tables: Sequence[pd.DataFrame], channel: int | None, prior: int
    ) -> Scores:
        """Scores networks of several seeds, with a channel permuted or none."""
        permutations, asked = self._answered.permutations, self._asked
        shares = [
            answers.right(table, asked.label, channel, permutations, asked.is_right)
            for table in tables
        ]
        return self.score(shares, prior=prior)

    def score(
        self, shares: Sequence[np.ndarray], *, prior: int, has_seeds: bool = True
    ) -> Scores:
        """Scores [m] shares that are right, for each seed."""
        return comparison.scores(
            self.counted,
            [self._added(np.asarray(share, np.float64)) for share in shares],
            draws=self._answered.draws,
            seed=self._answered.seed,
            prior=prior,
            has_seeds=has_seeds,
        )

    def _added(self, values: np.ndarray) -> np.ndarray:
        """Sums [m] values over the records of a unit and a group: [U, K]."""
        sums = np.zeros(self._shape)
        indices = self._unit, self._asked.groups[self._known]
        np.add.at(sums, indices, values[self._known])
        return sums


def accuracy(judgement: Judgement, seed: int) -> dict[str, float]:
    """Scores the networks of all channels: "value", "low", "high"."""
    seeds = comparison.pooled([judgement.whole])
    rng = np.random.default_rng(seed)
    return comparison.interval(judgement.counted, judgement.whole, seeds, rng)


def gain(judgement: Judgement, base: Scores) -> dict[str, float]:
    """Subtracts a floor's score: "value", "low", "high", "p"."""
    seeds = comparison.pooled([judgement.whole])
    return comparison.difference(judgement.counted, judgement.whole, base, seeds)


def lost_permuted(judgement: Judgement) -> dict[str, dict[str, float]]:
    """Returns channel to the score lost by permuting it: "value", "low", "high".

    Both scores come from the same network, so seeds are paired.
    """
    whole = judgement.whole
    lost = {
        name: whole.minus(permuted) for name, permuted in judgement.permuted.items()
    }
    seeds = comparison.pooled(lost.values())
    return {
        name: comparison.gain(judgement.counted, loss, seeds)
        | {"of_seeds": loss.values.tolist()}
        for name, loss in lost.items()
    }


def lost_without(judgement: Judgement) -> dict[str, dict[str, float]]:
    """Returns channel to the score that networks trained without it lose."""
    whole, others = judgement.whole, judgement.without
    seeds: Seeds = comparison.pooled([whole, *others.values()])
    return {
        name: comparison.difference(judgement.counted, whole, lacking, seeds)
        | {"of_seeds": (whole.value - lacking.values).tolist()}
        for name, lacking in others.items()
    }


@dataclasses.dataclass(frozen=True)
class ClassAsked:
    """A question about a class.

    Attributes:
      asked: the question.
      name: of the class.
      kind: RECALL or CONTROLS.
      records: number of the class's.
    """

    asked: Asked
    name: str
    kind: str
    records: int


def class_questions(
    label: str, codes: np.ndarray, names: Sequence[str], controls: Sequence[int]
) -> Iterator[ClassAsked]:
    """Asks about every class, and about those that are no controls against controls.

    Args:
      label: column that is learnt.
      codes: [m] int class of each record, -1 if blank.
      names: of the classes.
      controls: classes that are controls and have records.
    """
    all_classes = classes(label, codes, len(names))
    for code in np.unique(codes[codes >= 0]):
        name, records = names[code], int((codes == code).sum())
        yield ClassAsked(one_class(all_classes, codes, code), name, RECALL, records)
        if controls and code not in controls:
            against = against_controls(label, codes, code, controls)
            yield ClassAsked(against, name, CONTROLS, records)


def class_rows(question: ClassAsked, answered: Answered) -> list[Row]:
    """Returns a class's loss with each channel.

    Returns:
      Rows of "label", "class", "kind", "channel", "records", "score" (without
      permutation), and "value", "low", "high", "p": the loss.
    """
    judgement = judge(question.asked, answered)
    return [
        {
            "label": question.asked.label,
            "class": question.name,
            "kind": question.kind,
            "records": question.records,
            "channel": channel,
            "score": judgement.whole.value,
            **{key: lost[key] for key in ("value", "low", "high", "p")},
        }
        for channel, lost in lost_permuted(judgement).items()
    ]


def corrected(rows: Sequence[Row]) -> list[Row]:
    """Adds "p_corrected" to rows, over all cells of the same question (Holm 1979)."""
    corrected_rows = [dict(row) for row in rows]
    for question in {(row["label"], row["kind"]) for row in corrected_rows}:
        tested = [
            row for row in corrected_rows if (row["label"], row["kind"]) == question
        ]
        adjusted = comparison.holm([row["p"] for row in tested])
        for row, p_value in zip(tested, adjusted, strict=True):
            row["p_corrected"] = p_value
    return corrected_rows
