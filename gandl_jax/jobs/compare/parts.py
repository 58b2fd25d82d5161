"""What does each part add? Differences of arms that differ in one setting.

Such arms are found by themselves: a training with config.data.extra and the same
without it, or one network that decides frame-wise and in time. The arm
config.compare.against stands against all others.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gandl_jax.errors import known
from gandl_jax.figures import scores as plot
from gandl_jax.figures import style
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging import task_tables
from gandl_jax.tasks.score_table import aligned, with_interval

Row = Mapping[str, Any]
Contents = Sequence[Mapping[str, Any]]
METHOD = "method.name"
HEADER = ("differs in", "arm", "less", "difference", "p, corrected")


def check_against(arms: Collection[str], against: str) -> None:
    """Refuses an arm that there is not.

    Args:
      arms: that are compared, without their ways of deciding.
      against: config.compare.against, with or without a way; "" is none.

    Raises:
      InputError: with the nearest arm.
    """
    if against and against not in arms:
        known("config.compare.against", _arm(against), sorted(arms))


def rows(contents: Contents, against: str) -> list[dict[str, Any]]:
    """Lists the differences, those of one setting first.

    Args:
      contents: of each task, as the job writes them.
      against: config.compare.against; "" is none.

    Returns:
      Pairs that differ in one setting, the later arm as "one", and pairs whose "other"
      is `against`; "p_corrected" as of all pairs.
    """
    every = [pair for content in contents for pair in content["pairs"]]
    single = [_turned(pair) for pair in every if _is_single(pair)]
    names = {against, _arm(against)} - {""}  # with its way, and where a task has none
    beside = [
        _turned(pair) if pair["one"] in names else dict(pair)
        for pair in every
        if names & {pair["one"], pair["other"]} and not _is_single(pair)
    ]
    return sorted([*single, *beside], key=_question_first(every))


def _arm(against: str) -> str:
    """Removes the way from an arm: "plain" of "plain (in time)"."""
    return against.partition(" (")[0]


def _way(arm: str) -> str:
    """Returns the way of an arm, "" if it has none: "in time" of "plain (in time)"."""
    return arm.partition(" (")[2].removesuffix(")")


def _question_first(every: Iterable[Row]) -> Any:
    """Sorts by task and question as they stand, and keeps the order within."""
    asked = list(dict.fromkeys(map(_question, every)))
    return lambda pair: asked.index(_question(pair))


def _question(pair: Row) -> tuple[str, str]:
    return pair["task"], pair["question"]


def _is_single(pair: Row) -> bool:
    """Tells whether two arms of one method differ in one thing."""
    names = pair["differs_in"].split()
    return len(names) == 1 and names != [METHOD]


def _turned(pair: Row) -> dict[str, Any]:
    """Returns the difference of the later arm to the earlier one."""
    return {
        **pair,
        "one": pair["other"],
        "other": pair["one"],
        "value": -pair["value"],
        "low": -pair["high"],
        "high": -pair["low"],
    }


def text(found: Sequence[Row]) -> str:
    """Writes the differences for a terminal, question by question; "" of none."""
    paragraphs = []
    for question, own in _by_question(found):
        lines = [HEADER, *map(_cells, own)]
        title = f"\nWhat does each part add? {question} [95 % interval]"
        paragraphs.append("\n".join([title, *aligned(lines)]))
    return "\n".join(paragraphs)


def _cells(pair: Row) -> tuple[str, ...]:
    difference, p = with_interval(pair, "+z.3f"), f"{pair['p_corrected']:.2g}"
    return _setting(pair), pair["one"], pair["other"], difference, p


def _setting(pair: Row) -> str:
    """Names what a pair differs in: "hierarchy", "3 settings"."""
    names = pair["differs_in"].split()
    last = names[0].rpartition(".")[2] if names else ""
    return last if len(names) == 1 else f"{len(names)} settings"


def section(found: Sequence[Row]) -> Html | None:
    """Makes the chapter: of each question a table and a picture; None of none."""
    if not found:
        return None
    elements = []
    for number, (question, own) in enumerate(_by_question(found)):
        elements += [page.tag("h3", question), _figure(question, own, number)]
        elements.append(page.table(HEADER, map(_line, own), "parts"))
    words = (
        "Differences between arms that differ in one setting, and to the arm that all "
        "are held against, with 95 % intervals over units and seeds; p-values are "
        "corrected for the number of all pairs of a question (Holm)."
    )
    return page.section(
        "parts", "What does each part add?", page.tag("p", words), *elements
    )


def _by_question(found: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    of_question: dict[tuple[str, str], list[Row]] = {}
    for pair in found:
        of_question.setdefault(_question(pair), []).append(pair)
    for (task, question), own in of_question.items():
        yield f"{task_tables.title(task)}: {question}", own


def _line(pair: Row) -> list[object]:
    return [
        _setting(pair),
        pair["one"],
        pair["other"],
        page.interval(pair["value"], pair["low"], pair["high"], "+.3f"),
        page.number(pair["p_corrected"], ".2g"),
    ]


def _figure(question: str, own: Sequence[Row], number: int) -> Html:
    names = [_lines(pair["one"], pair["other"]) for pair in own]
    ends = [(pair["value"], pair["low"], pair["high"]) for pair in own]
    figure = plot.draw(
        names, {"difference": ends}, "difference", [0.0] * len(own), line="none"
    )
    svg = style.to_svg(figure, f"parts-{number}", question)
    shown = page.figure(Html(svg), f"{question}: one arm less another")
    return page.tag("div", shown, class_="pair")


def _lines(one: str, other: str) -> str:
    """Writes two arms as short lines: "tree", "− plain", "in time − frame-wise"."""
    arms, ways = (_arm(one), _arm(other)), (_way(one), _way(other))
    lines = [arms[0], *([f"− {arms[1]}"] if arms[0] != arms[1] else [])]
    if ways[0] != ways[1]:
        lines.append(" − ".join(ways))
    elif ways[0]:
        lines.append(f"({ways[0]})")
    return "\n".join(lines)
