"""Answer of a comparison: which way of learning suits the screen?"""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gandl_jax.jobs.compare import text
from gandl_jax.jobs.compare.arm_costs import Cost
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging import task_tables
from gandl_jax.judging.judged import FLOOR, TRAINED
from gandl_jax.profiles.groups import HELD_OUT
from gandl_jax.tasks.classification import WELLS

Row = Mapping[str, Any]
Contents = Sequence[Mapping[str, Any]]
# Tasks whose score leads.
FIRST_TASKS = ("control_classification", "label_classification")


def questions(contents: Contents) -> dict[str, list[Row]]:
    """Returns task and question in words to the rows."""
    return {
        f"{task_tables.title(content['task'])}: {question}": rows
        for content in contents
        for question, rows in text.questions(content["rows"]).items()
    }


def leading(rows_of_question: Mapping[str, list[Row]]) -> str | None:
    """Returns the leading question: on held-out records, of controls, by wells.

    None if in all questions the lowest score is the best: these ask what a method
    should not know.
    """

    def priority(question: str) -> tuple[bool, int, bool]:
        row = rows_of_question[question][0]
        tasks = [*FIRST_TASKS, row["task"]]
        is_held_out = row.get("split") == HELD_OUT
        return not is_held_out, tasks.index(row["task"]), row["metric"] != WELLS

    candidates = (
        question
        for question, rows in rows_of_question.items()
        if not rows[0]["lower_is_better"]
    )
    return min(candidates, key=priority, default=None)


def shown(rows: Iterable[Row], *, fair: bool) -> list[Row]:
    """Returns trained arms, best first: those that are ranked, or the others."""
    trained = [
        row for row in rows if row["role"] == TRAINED and ("rank" in row) == fair
    ]
    highest_first = not any(row["lower_is_better"] for row in trained)
    return sorted(trained, key=operator.itemgetter("value"), reverse=highest_first)


def section(
    question: str, rows: list[Row], contents: Contents, cost: Mapping[str, Cost]
) -> Html:
    """Makes the chapter.

    Args:
      question: in words.
      rows: of the question.
      contents: of all tasks, for the pairs.
      cost: arm to its costs; an arm that was not trained has none.
    """
    fair = shown(rows, fair=True)
    lines = [
        *(_best(fair[0], contents, question) if fair else ()),
        *_gains([row for row in fair if row["minus_untrained"]], cost),
        *_below_floors(fair, rows),
    ]
    if any(len(row["seeds"]) == 1 for row in fair):
        lines.append(
            "What other seeds would give is taken from the methods that have several, "
            "where there are any; else intervals are over wells alone."
        )
    return page.section(
        "answer",
        "Which way of learning suits this screen?",
        page.tag("p", f"{question}. Seeds are averaged."),
        page.items(lines),
    )


def _best(best: Row, contents: Contents, question: str) -> Iterator[str]:
    yield (
        f"{best['arm']} has the highest score, {text.interval(best)}, and is first in "
        f"{best['best']:.0%} of draws."
    )
    others: dict[bool, list[str]] = {True: [], False: []}
    for pair in _pairs(contents, question):
        if best["arm"] in (pair["one"], pair["other"]):
            other = pair["other"] if pair["one"] == best["arm"] else pair["one"]
            others[pair["different"]].append(other)
    if others[True]:
        yield (
            f"It differs from {page.listing(others[True])} after correction for the "
            "number of pairs."
        )
    if others[False]:
        yield f"It cannot be told apart from {page.listing(others[False])}."


def _pairs(contents: Contents, question: str) -> list[Row]:
    return [
        pair
        for content in contents
        for pair in content["pairs"]
        if f"{task_tables.title(content['task'])}: {pair['question']}" == question
    ]


def _gains(rows: Iterable[Row], cost: Mapping[str, Cost]) -> Iterator[str]:
    """Says what training adds to each network, and published weights to others."""
    unshown = []
    for row in rows:
        gain, arm = row["minus_untrained"], row["arm"]
        is_trained = bool(cost.get(arm, {}).get("steps"))
        verb = "helps" if gain["low"] > 0 else "harms" if gain["high"] < 0 else None
        difference = text.interval(gain, "+")
        if not is_trained:
            yield (
                f"{arm} is not trained; its weights beside random ones: {difference}."
            )
        elif verb:
            yield f"Training {verb} {arm}: {difference} beside its untrained network."
        else:
            unshown.append(f"{arm} ({difference})")
    if unshown:
        yield (
            "Training makes no difference that these records can show for "
            f"{', '.join(unshown)}, each beside its untrained network."
        )


def _below_floors(fair: Sequence[Row], rows: Iterable[Row]) -> Iterator[str]:
    for floor in (row for row in rows if row["role"] == FLOOR):
        below = [row["arm"] for row in fair if row["high"] < floor["value"]]
        if below:
            yield (
                f"{page.listing(below)}: worse than {floor['arm']} alone "
                f"({floor['value']:.3f})."
            )
