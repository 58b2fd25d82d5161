"""Scores and comparisons of all entrants' answers to a task's questions."""

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
CALLED = 0.05  # corrected p-values below it are called different
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
        self._names = _question_names(self._questions)
        self._answers: dict[Key, list[list[Answer]]] = {}
        self._entrants: dict[Key, list[Entrant]] = {}

    def add(self, entrant: Entrant, role: str, answers: list[Answer]) -> None:
        """Adds the answers of an entrant: for each way one to each question."""
        for way, answers_of_way in self._by_way(answers):
            key = in_way(entrant.arm, way), role
            self._answers.setdefault(key, []).append(answers_of_way)
            self._entrants.setdefault(key, []).append(entrant)

    def add_floor(self, name: str, answers: list[Answer]) -> None:
        """Adds the answers of a floor, such as plate identity or mean intensity."""
        for way, answers_of_way in self._by_way(answers):
            self._answers[in_way(name, way), FLOOR] = [answers_of_way]

    def _by_way(self, answers: list[Answer]) -> Iterator[tuple[str, list[Answer]]]:
        count = len(self._questions)
        for index, way in enumerate(self._ways):
            yield way, answers[index * count : (index + 1) * count]

    def judge(self) -> tuple[list[Row], list[Row]]:
        """Scores all, and compares the comparable arms in pairs.

        Arms that learnt labels of test records, or that were trained on records that
        others held out, are in no pair.

        Returns:
          A row for each question, arm and role, and for each floor; and for each
          question the difference of every two arms, trained, "p_corrected" for the
          number of pairs of that question.
        """
        rows, pairs = [], []
        for number in range(len(self._questions)):
            scores = self._scores(number)
            rows += self._rows(number, scores)
            pairs += self._pairs(number, scores)
        return rows, pairs

    def _rows(self, number: int, scores: Mapping[Key, Scores]) -> Iterator[Row]:
        question = self._questions[number]
        seeds, fair = comparison.pooled(scores.values()), self._fair(number, scores)
        ranks = comparison.ranks(
            question.counted,
            fair,
            seeds,
            self._rng(number),
            lower_is_better=question.lower_is_better,
        )
        gains = _gains(question.counted, scores)
        for key, arm_scores in scores.items():
            arm, role = key
            rng = self._rng(number)
            value = comparison.interval(question.counted, arm_scores, seeds, rng)
            yield {
                **question.about,
                "question": self._names[number],
                "lower_is_better": question.lower_is_better,
                "arm": arm,
                "role": role,
                **self._arm_columns(key, question),
                **value,
                "of_seeds": arm_scores.values.tolist(),
                "minus_untrained": gains.get(key),
                **(ranks.get(arm, {}) if role == TRAINED else {}),
                **self._mark(number, key),
            }

    def _pairs(self, number: int, scores: Mapping[Key, Scores]) -> list[Row]:
        question = self._questions[number]
        fair = self._fair(number, scores)
        differences = [
            _identified(question)
            | {"question": self._names[number], "one": arm, "other": other_arm}
            | {"differs_in": self._differs_in(arm, other_arm)}
            | difference
            for (arm, other_arm), difference in self._differences(
                question.counted, fair, scores
            ).items()
        ]
        corrected = comparison.holm([row["p"] for row in differences])
        return [
            {**row, "p_corrected": p, "different": p < CALLED}
            for row, p in zip(differences, corrected, strict=True)
        ]

    def _differences(
        self,
        counted: Counted,
        fair: Mapping[str, Scores],
        scores: Mapping[Key, Scores],
    ) -> dict[tuple[str, str], dict[str, float]]:
        """Compares every two arms; ways of one network are paired seed by seed."""
        pairs = list(itertools.combinations(fair, 2))
        same = {
            (arm, other_arm): fair[arm].minus(fair[other_arm])
            for arm, other_arm in pairs
            if self._entrants[arm, TRAINED] == self._entrants[other_arm, TRAINED]
        }
        seeds = comparison.pooled(scores.values())
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
                [answers[number].right for answers in answers_of_seeds],
                draws=self._options["bootstrap_draws"],
                seed=self._options["seed"],
                prior=index + 1,
                has_seeds=key in self._entrants,
                totals=[answers[number].total for answers in answers_of_seeds],
            )
            for index, (key, answers_of_seeds) in enumerate(self._answers.items())
        }

    def _fair(self, number: int, scores: Mapping[Key, Scores]) -> dict[str, Scores]:
        """Returns the scores of the trained arms that are comparable."""
        return {
            key[0]: arm_scores
            for key, arm_scores in scores.items()
            if key[1] == TRAINED
            and not marks.learnt(self._mark(number, key))
            and not any(entrant.saw_all for entrant in self._entrants[key])
        }

    def _mark(self, number: int, key: Key) -> Row:
        return marks.united([answers[number].mark for answers in self._answers[key]])

    def _arm_columns(self, key: Key, question: Question) -> Row:
        """Returns the columns of a row that describe its arm."""
        if key not in self._entrants:
            return {"method": key[0], "recipe": "", "features": key[0], "seeds": []}
        first = self._entrants[key][0]
        headline = getattr(first, key[1]).rpartition("/")[2]
        return {
            "training": first.arm,
            "method": first.method,
            "recipe": first.recipe,
            "features": CHOSEN if "choice" in question.about else headline,
            "seeds": [entrant.seed for entrant in self._entrants[key]],
            "saw_all": first.saw_all,
        }

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self._options["seed"], number])


def in_way(arm: str, way: str) -> str:
    """Names an arm that is judged in one of several ways: "plain (in time)"."""
    return f"{arm} ({way})" if way else arm


def _gains(counted: Counted, scores: Mapping[Key, Scores]) -> dict[Key, Row]:
    """Returns the gain by training of each arm with an untrained network."""
    differences = {
        (arm, role): arm_scores.minus(scores[arm, UNTRAINED])
        for (arm, role), arm_scores in scores.items()
        if role == TRAINED and (arm, UNTRAINED) in scores
    }
    seeds = comparison.pooled(differences.values())
    return {
        key: comparison.gain(counted, of_seeds, seeds)
        for key, of_seeds in differences.items()
    }


def _question_names(questions: Sequence[Question]) -> list[str]:
    """Names questions: "HRCE, control, plate, balanced accuracy wells".

    Equal names get the normalisation added.
    """
    keys = ("group", "label", "kind", "split", "metric", "choice")
    names = [", ".join(filter(None, map(q.about.get, keys))) for q in questions]
    return [
        (
            f"{name}, {question.about['normalize']}" if names.count(name) > 1 else name
        ).replace("_", " ")
        for name, question in zip(names, questions, strict=True)
    ]


def _identified(question: Question) -> Row:
    keys = ("task", "group", "split", "label", "kind", "metric", "normalize")
    return {key: question.about[key] for key in keys if key in question.about}


def flat(row: Mapping[str, Any]) -> Row:
    """Returns a row as one line of CSV."""
    nested = ("classes", "seeds", "of_seeds", "minus_untrained")
    plain = {key: value for key, value in row.items() if key not in nested}
    plain["seeds"] = " ".join(map(str, row["seeds"]))
    plain["of_seeds"] = " ".join(f"{value:.6g}" for value in row["of_seeds"])
    for key, value in (row["minus_untrained"] or {}).items():
        plain[f"minus_untrained_{key}"] = value
    return plain
