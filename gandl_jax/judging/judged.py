"""All entrants' answers to a task's questions, and the rows that come of them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax.judging.entrants import Entrant, different_settings
from gandl_jax.tasks import comparison, marks
from gandl_jax.tasks.choice import CHOSEN
from gandl_jax.tasks.comparison import Counted, Scores
from gandl_jax.tasks.counting import Answer, Question

TRAINED, UNTRAINED, FLOOR = "trained", "untrained", "floor"
CALLED = 0.05  # p-values after correction below it are called different
WAY = "way"  # of deciding, as one of the things in which two arms differ

Row = dict[str, Any]
Key = tuple[str, str]  # arm, with its way of deciding, and role


class Board:
    """Collects answers and scores them.

    Args:
      questions: of a task.
      options: bootstrap_draws, seed.
      ways: in which each entrant is judged, as of `Asked.ways`; each is an arm.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        options: Mapping[str, Any],
        ways: Sequence[str] = ("",),
    ):
        self._questions, self._options = list(questions), options
        self._ways = ways
        self._words = _words(self._questions)
        self._answers: dict[Key, list[list[Answer]]] = {}
        self._entrants: dict[Key, list[Entrant]] = {}

    def add(self, one: Entrant, role: str, answers: list[Answer]) -> None:
        """Adds the answers of an entrant: of each way one for each question."""
        for way, own in self._by_way(answers):
            key = in_way(one.arm, way), role
            self._answers.setdefault(key, []).append(own)
            self._entrants.setdefault(key, []).append(one)

    def add_floor(self, name: str, answers: list[Answer]) -> None:
        """Adds the answers of what knows nothing of images, or only their mean."""
        for way, own in self._by_way(answers):
            self._answers[in_way(name, way), FLOOR] = [own]

    def _by_way(self, answers: list[Answer]) -> Iterator[tuple[str, list[Answer]]]:
        count = len(self._questions)
        for number, way in enumerate(self._ways):
            yield way, answers[number * count : (number + 1) * count]

    def judge(self) -> tuple[list[Row], list[Row]]:
        """Scores all, and compares the arms that stand against one another.

        Arms that learnt labels of what is judged, or that were trained on records that
        others held out, are in no pair.

        Returns:
          A row for each question, arm and role, and for each floor; and for each
          question the difference of every two arms, trained, "p_corrected" for the
          number of pairs of that question.
        """
        rows, pairs = [], []
        for number in range(len(self._questions)):
            found = self._scores(number)
            rows += self._rows(number, found)
            pairs += self._pairs(number, found)
        return rows, pairs

    def _rows(self, number: int, found: Mapping[Key, Scores]) -> Iterator[Row]:
        question = self._questions[number]
        seeds, fair = comparison.pooled(found.values()), self._fair(number, found)
        ranks = comparison.ranks(
            question.counted,
            fair,
            seeds,
            self._rng(number),
            lower_is_better=question.lower_is_better,
        )
        gains = _gains(question.counted, found)
        for key, own in found.items():
            arm, role = key
            rng = self._rng(number)
            value = comparison.interval(question.counted, own, seeds, rng)
            yield {
                **question.about,
                "question": self._words[number],
                "lower_is_better": question.lower_is_better,
                "arm": arm,
                "role": role,
                **self._said(key, question),
                **value,
                "of_seeds": own.values.tolist(),
                "minus_untrained": gains.get(key),
                **(ranks.get(arm, {}) if role == TRAINED else {}),
                **self._mark(number, key),
            }

    def _pairs(self, number: int, found: Mapping[Key, Scores]) -> list[Row]:
        question = self._questions[number]
        fair = self._fair(number, found)
        of_pairs = self._differences(question.counted, fair, found)
        made = [
            _named(question)
            | {"question": self._words[number], "one": one, "other": other}
            | {"differs_in": self._differs_in(one, other)}
            | difference
            for (one, other), difference in of_pairs.items()
        ]
        corrected = comparison.holm([row["p"] for row in made])
        return [
            {**row, "p_corrected": p, "different": p < CALLED}
            for row, p in zip(made, corrected, strict=True)
        ]

    def _differences(
        self,
        counted: Counted,
        fair: Mapping[str, Scores],
        found: Mapping[Key, Scores],
    ) -> dict[tuple[str, str], dict[str, float]]:
        """The difference of every two arms; of one network's ways seed by seed."""
        pairs = list(itertools.combinations(fair, 2))
        same = {
            (one, other): fair[one].minus(fair[other])
            for one, other in pairs
            if self._entrants[one, TRAINED] == self._entrants[other, TRAINED]
        }
        seeds = comparison.pooled(found.values())
        seeds_of_same = comparison.pooled(same.values())
        return {
            pair: (
                comparison.gain(counted, same[pair], seeds_of_same)
                if pair in same
                else comparison.difference(counted, fair[pair[0]], fair[pair[1]], seeds)
            )
            for pair in pairs
        }

    def _differs_in(self, one: str, other: str) -> str:
        """Names the settings in which two arms differ, and WAY if their ways do."""
        first, second = (self._entrants[arm, TRAINED][0] for arm in (one, other))
        ways = one.removeprefix(first.arm), other.removeprefix(second.arm)
        return " ".join(
            [*different_settings(first, second), *[WAY] * (ways[0] != ways[1])]
        )

    def _scores(self, number: int) -> dict[Key, Scores]:
        return {
            key: comparison.scores(
                self._questions[number].counted,
                [answers[number].right for answers in of_seeds],
                draws=self._options["bootstrap_draws"],
                seed=self._options["seed"],
                prior=place + 1,
                has_seeds=key in self._entrants,
                totals=[answers[number].total for answers in of_seeds],
            )
            for place, (key, of_seeds) in enumerate(self._answers.items())
        }

    def _fair(self, number: int, found: Mapping[Key, Scores]) -> dict[str, Scores]:
        """The trained arms that stand against one another."""
        return {
            key[0]: own
            for key, own in found.items()
            if key[1] == TRAINED
            and not marks.learnt(self._mark(number, key))
            and not any(one.saw_all for one in self._entrants[key])
        }

    def _mark(self, number: int, key: Key) -> Row:
        return marks.united([answers[number].mark for answers in self._answers[key]])

    def _said(self, key: Key, question: Question) -> Row:
        """What is known of a row's arm."""
        if key not in self._entrants:
            return {"method": key[0], "recipe": "", "features": key[0], "seeds": []}
        first = self._entrants[key][0]
        headline = getattr(first, key[1]).rpartition("/")[2]
        return {
            "training": first.arm,
            "method": first.method,
            "recipe": first.recipe,
            "features": CHOSEN if "choice" in question.about else headline,
            "seeds": [one.seed for one in self._entrants[key]],
            "saw_all": first.saw_all,
        }

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self._options["seed"], number])


def in_way(arm: str, way: str) -> str:
    """Names an arm that is judged in one of several ways: "plain (in time)"."""
    return f"{arm} ({way})" if way else arm


def _gains(counted: Counted, found: Mapping[Key, Scores]) -> dict[Key, Row]:
    """What training adds to each arm that has an untrained network beside it."""
    both = {
        (arm, role): own.minus(found[arm, UNTRAINED])
        for (arm, role), own in found.items()
        if role == TRAINED and (arm, UNTRAINED) in found
    }
    seeds = comparison.pooled(both.values())
    return {key: comparison.gain(counted, one, seeds) for key, one in both.items()}


def _words(questions: Sequence[Question]) -> list[str]:
    """Questions in words: "HRCE, control, plate, balanced accuracy wells".

    Those that are asked twice say by which normalisation.
    """
    kept = ("group", "label", "kind", "split", "metric", "choice")
    made = [", ".join(filter(None, map(q.about.get, kept))) for q in questions]
    return [
        (
            f"{words}, {question.about['normalize']}"
            if made.count(words) > 1
            else words
        ).replace("_", " ")
        for words, question in zip(made, questions, strict=True)
    ]


def _named(question: Question) -> Row:
    kept = ("task", "group", "split", "label", "kind", "metric", "normalize")
    return {key: question.about[key] for key in kept if key in question.about}


def flat(row: Mapping[str, Any]) -> Row:
    """A row as one line of CSV."""
    nested = ("classes", "seeds", "of_seeds", "minus_untrained")
    plain = {key: value for key, value in row.items() if key not in nested}
    plain["seeds"] = " ".join(map(str, row["seeds"]))
    plain["of_seeds"] = " ".join(f"{value:.6g}" for value in row["of_seeds"])
    for key, value in (row["minus_untrained"] or {}).items():
        plain[f"minus_untrained_{key}"] = value
    return plain
