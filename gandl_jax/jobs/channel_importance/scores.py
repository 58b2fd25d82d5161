"""What accuracy is lost with a channel, with intervals; of each class, too.

Networks of several seeds are judged on the same records. Units (wells) are drawn again
for all alike, and seeds are replicates: see `tasks/comparison.py`.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gandl_jax.jobs.channel_importance import answers
from gandl_jax.tasks import comparison
from gandl_jax.tasks.comparison import Counted, Scores, Seeds

RECALL, CONTROLS = "recall", "against controls"
SIGNIFICANT = 0.05  # of p-values after Holm's correction
FLOOR_PRIOR = 2**20  # no network's, as of `bootstrap.recalls`
Row = dict[str, Any]
IsRight = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Answered:
    """What networks have answered about the same records.

    Attributes:
      channels: C names.
      permutations: of each.
      whole: answers of the networks of all channels, by seed, as of `Asking.ask`.
      without: channel to those of networks that were trained without it, by seed.
      units: [m] str, what is drawn again.
      trained: records that the networks learnt from.
      draws: of the bootstrap.
      seed: of them.
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
    """A question about records: are they named rightly?

    Attributes:
      label: column that is learnt.
      kinds: [m] int, the kind that each record counts for, 0 to K - 1; -1 does not
        count. The score is the mean over kinds of the share that is right.
      is_right: [m] classes that are named to [m] bool.
      chance: the share of guessing.
    """

    label: str
    kinds: np.ndarray
    is_right: IsRight
    chance: float


def classes(label: str, codes: np.ndarray, count: int) -> Asked:
    """Are records of all classes named rightly? Balanced accuracy.

    Args:
      label: column that is learnt.
      codes: [m] int class of each record, -1 where blank; some classes may lack.
      count: of classes that a network names.
    """
    _, kinds = np.unique(codes, return_inverse=True)
    kinds = kinds - int((codes < 0).any())  # blanks come first
    return Asked(label, kinds, lambda named: named == codes, 1 / count)


def one_class(asked: Asked, codes: np.ndarray, code: int) -> Asked:
    """Are records of one class named rightly? Its recall."""
    return dataclasses.replace(asked, kinds=np.where(codes == code, 0, -1))


def against_controls(
    label: str, codes: np.ndarray, code: int, controls: Sequence[int]
) -> Asked:
    """Are records of a class told from controls? The mean of both shares.

    A record of the class is told from them where no control is named, a control where
    one is.

    Args:
      label: column that is learnt.
      codes: [m] int class of each record.
      code: of the class.
      controls: classes that are controls.
    """
    is_control = np.isin(codes, controls)
    kinds = np.select([codes == code, is_control], [0, 1], -1)
    return Asked(
        label, kinds, lambda named: np.isin(named, controls) == is_control, 1 / 2
    )


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A question's scores.

    Attributes:
      counted: what is counted.
      whole: of the networks of all channels.
      permuted: channel to the same with that channel permuted.
      without: channel to those of networks that were trained without it.
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
    """Scores what names classes without a network, on the same draws.

    Args:
      asked: the question.
      answered: of the networks.
      named: [m] the class that is named.
    """
    counts = _Counts(asked, answered)
    return counts.score([asked.is_right(named)], prior=FLOOR_PRIOR, has_seeds=False)


class _Counts:
    """Counts of records by unit and kind."""

    def __init__(self, asked: Asked, answered: Answered):
        self._asked, self._answered = asked, answered
        self._known = asked.kinds >= 0
        _, self._unit = np.unique(answered.units[self._known], return_inverse=True)
        self._shape = self._unit.max() + 1, asked.kinds.max() + 1
        total = self._added(np.ones(len(asked.kinds)))
        tested = int(self._known.sum())
        self.counted = Counted(total, tested, answered.trained, asked.chance)

    def scores(
        self, tables: Sequence[pd.DataFrame], channel: int | None, prior: int
    ) -> Scores:
        """Scores networks of several seeds, a channel permuted or none."""
        permutations, asked = self._answered.permutations, self._asked
        shares = [
            answers.right(table, asked.label, channel, permutations, asked.is_right)
            for table in tables
        ]
        return self.score(shares, prior=prior)

    def score(
        self, shares: Sequence[np.ndarray], *, prior: int, has_seeds: bool = True
    ) -> Scores:
        """Scores [m] shares that are right, of each seed."""
        return comparison.scores(
            self.counted,
            [self._added(np.asarray(share, np.float64)) for share in shares],
            draws=self._answered.draws,
            seed=self._answered.seed,
            prior=prior,
            has_seeds=has_seeds,
        )

    def _added(self, values: np.ndarray) -> np.ndarray:
        """[U, K] sums of [m] values over the records of a unit and a kind."""
        made = np.zeros(self._shape)
        places = self._unit, self._asked.kinds[self._known]
        np.add.at(made, places, values[self._known])
        return made


def accuracy(judgement: Judgement, seed: int) -> dict[str, float]:
    """The score of the networks of all channels: "value", "low", "high"."""
    seeds = comparison.pooled([judgement.whole])
    rng = np.random.default_rng(seed)
    return comparison.interval(judgement.counted, judgement.whole, seeds, rng)


def gain(judgement: Judgement, base: Scores) -> dict[str, float]:
    """The same less a floor's: "value", "low", "high", "p"."""
    seeds = comparison.pooled([judgement.whole])
    return comparison.difference(judgement.counted, judgement.whole, base, seeds)


def lost_permuted(judgement: Judgement) -> dict[str, dict[str, float]]:
    """Channel to the score that is lost when it is permuted: "value", "low", "high".

    Both are of the same network, so that seeds are paired.
    """
    whole = judgement.whole
    lost = {name: whole.minus(rest) for name, rest in judgement.permuted.items()}
    seeds = comparison.pooled(lost.values())
    return {
        name: comparison.gain(judgement.counted, both, seeds)
        | {"of_seeds": both.values.tolist()}
        for name, both in lost.items()
    }


def lost_without(judgement: Judgement) -> dict[str, dict[str, float]]:
    """Channel to the score that networks trained without it have less."""
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
      records: of the class.
    """

    asked: Asked
    name: str
    kind: str
    records: int


def class_questions(
    label: str, codes: np.ndarray, names: Sequence[str], controls: Sequence[int]
) -> Iterator[ClassAsked]:
    """Asks about every class, and about those that are no controls beside these.

    Args:
      label: column that is learnt.
      codes: [m] int class of each record, -1 where blank.
      names: of the classes.
      controls: classes that are controls, with records.
    """
    every = classes(label, codes, len(names))
    for code in np.unique(codes[codes >= 0]):
        name, records = names[code], int((codes == code).sum())
        yield ClassAsked(one_class(every, codes, code), name, RECALL, records)
        if controls and code not in controls:
            beside = against_controls(label, codes, code, controls)
            yield ClassAsked(beside, name, CONTROLS, records)


def class_rows(question: ClassAsked, answered: Answered) -> list[Row]:
    """What a class loses with each channel.

    Returns:
      Rows of "label", "class", "kind", "channel", "records", "score", what is right as
      it is, and "value", "low", "high", "p": the loss.
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


def corrected(every: Sequence[Row]) -> list[Row]:
    """The same rows with "p_corrected", for all cells of a kind (Holm 1979)."""
    made = [dict(row) for row in every]
    for kind in {(row["label"], row["kind"]) for row in made}:
        rows = [row for row in made if (row["label"], row["kind"]) == kind]
        adjusted = comparison.holm([row["p"] for row in rows])
        for row, p in zip(rows, adjusted, strict=True):
            row["p_corrected"] = p
    return made
