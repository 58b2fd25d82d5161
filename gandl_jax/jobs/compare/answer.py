"""The first words of a comparison: which way of learning suits the screen?"""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gandl_jax.jobs.compare import text
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging import task_tables
from gandl_jax.judging.judged import FLOOR, TRAINED
from gandl_jax.profiles.groups import HELD_OUT
from gandl_jax.tasks.classification import WELLS

Row = Mapping[str, Any]
Contents = Sequence[Mapping[str, Any]]
FIRST_TASKS = ("control_classification", "label_classification")  # whose score leads


def questions(contents: Contents) -> dict[str, list[Row]]:
    """Task and question in words to the rows."""
    return {
        f"{task_tables.title(content['task'])}: {words}": rows
        for content in contents
        for words, rows in text.questions(content["rows"]).items()
    }


def leading(asked: Mapping[str, list[Row]]) -> str | None:
    """The question that stands first: on held-out records, of controls, by wells.

    None where there is none but those whose lowest score is the best, which tell what
    a method should not know.
    """

    def place(words: str) -> tuple[bool, int, bool]:
        row = asked[words][0]
        tasks = [*FIRST_TASKS, row["task"]]
        is_held_out = row.get("split") == HELD_OUT
        return not is_held_out, tasks.index(row["task"]), row["metric"] != WELLS

    fit = (words for words, rows in asked.items() if not rows[0]["lower_is_better"])
    return min(fit, key=place, default=None)


def shown(rows: Iterable[Row], *, fair: bool) -> list[Row]:
    """Trained arms, best first: those that stand against one another, or the others."""
    own = [row for row in rows if row["role"] == TRAINED and ("rank" in row) == fair]
    highest_first = not any(row["lower_is_better"] for row in own)
    return sorted(own, key=operator.itemgetter("value"), reverse=highest_first)


def section(words: str, rows: list[Row], contents: Contents) -> Html:
    """The chapter.

    Args:
      words: the question.
      rows: of it.
      contents: of all tasks, for the pairs.
    """
    fair = shown(rows, fair=True)
    lines = [
        *(_best(fair[0], contents, words) if fair else ()),
        *(_gain(row) for row in fair if row["minus_untrained"]),
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
        page.tag("p", f"{words}. Seeds are averaged."),
        page.items(lines),
    )


def _best(best: Row, contents: Contents, words: str) -> Iterator[str]:
    yield (
        f"{best['arm']} has the highest score, {text.interval(best)}, and is first in "
        f"{best['best']:.0%} of draws."
    )
    others: dict[bool, list[str]] = {True: [], False: []}
    for pair in _pairs(contents, words):
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


def _pairs(contents: Contents, words: str) -> list[Row]:
    return [
        pair
        for content in contents
        for pair in content["pairs"]
        if f"{task_tables.title(content['task'])}: {pair['question']}" == words
    ]


def _gain(row: Row) -> str:
    gain = row["minus_untrained"]
    told = "makes no difference that these records can show for"
    if gain["low"] > 0:
        told = "helps"
    elif gain["high"] < 0:
        told = "harms"
    by = text.interval(gain, "+")
    return f"Training {told} {row['arm']}: {by} beside its untrained network."


def _below_floors(fair: Sequence[Row], rows: Iterable[Row]) -> Iterator[str]:
    for floor in (row for row in rows if row["role"] == FLOOR):
        below = [row["arm"] for row in fair if row["high"] < floor["value"]]
        if below:
            yield (
                f"{page.listing(below)}: worse than {floor['arm']} alone "
                f"({floor['value']:.3f})."
            )
