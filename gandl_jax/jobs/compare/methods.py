"""Table of methods: score, gain, rank, and doubts."""

from collections.abc import Iterable, Mapping
from typing import Any

from gandl_jax.jobs.compare import answer, text
from gandl_jax.jobs.compare.arm_costs import Cost
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging.judged import UNTRAINED
from gandl_jax.tasks import marks

Row = Mapping[str, Any]
HEADER = (
    "Method", "Set", "Seeds", "Score", "Untrained", "Trained − untrained", "Rank",
    "To doubt",
)  # fmt: skip


def section(
    question: str,
    rows: list[Row],
    cost: Mapping[str, Cost],
    doubts: Mapping[str, str],
) -> Html:
    """Makes the chapter.

    Args:
      question: the leading question, in words.
      rows: of the question.
      cost: arm to its costs.
      doubts: arm to what its method's options say of themselves.
    """
    elements = [
        page.tag(
            "p",
            f"{question}; in small print 95 % intervals over units "
            f"({rows[0].get('unit') or 'well'}) and seeds.",
        ),
        _table(answer.shown(rows, fair=True), rows, cost, doubts),
    ]
    if others := answer.shown(rows, fair=False):
        elements += [
            page.tag("h3", "Apart: what saw more"),
            page.tag(
                "p",
                "Networks that learnt labels of the records that are judged, or were "
                "trained on images that the others held out: in no rank, in no pair.",
            ),
            _table(others, rows, cost, doubts),
        ]
    return page.section("methods", "Methods", *elements)


def _table(
    shown: Iterable[Row],
    rows: list[Row],
    cost: Mapping[str, Cost],
    doubts: Mapping[str, str],
) -> Html:
    lines = [
        _line(
            row,
            rows,
            cost.get(row["arm"], {}),
            doubts.get(row.get("training", row["arm"]), ""),
        )
        for row in shown
    ]
    return page.table(HEADER, lines, "scores")


def _line(row: Row, rows: list[Row], cost: Cost, doubt: str) -> list[object]:
    untrained = text.find_row(rows, row["arm"], UNTRAINED)
    return [
        row["arm"],
        row["features"],
        str(len(row["seeds"])),
        _interval(row, ".3f"),
        _interval(untrained, ".3f"),
        _interval(row["minus_untrained"], "+.3f"),
        _rank(row),
        _sentence("; ".join(filter(None, [doubt, *_doubts(row, cost)]))),
    ]


def _sentence(words: str) -> object:
    """Makes a cell that is wide enough for words, also in a table that scrolls."""
    return page.tag("span", words, class_="sentence") if words else "–"


def _interval(row: Row | None, pattern: str) -> object:
    if not row:
        return "–"
    return page.interval(row["value"], row["low"], row["high"], pattern)


def _rank(row: Row) -> object:
    if "rank" not in row:
        return "–"
    return page.interval(row["rank"], row["rank_low"], row["rank_high"], "g")


def _doubts(row: Row, cost: Cost) -> list[str]:
    doubts = [marks.WORDS] if marks.learnt(row) else []
    doubts += ["images seen"] if row.get("saw_all") else []
    if len(row["seeds"]) == 1 and row["seeds"] != [None]:
        doubts.append("one seed")
    if not row["minus_untrained"]:
        doubts.append("no untrained network beside it")
    elif row["minus_untrained"]["low"] <= 0:
        doubts.append("no better than untrained")
    if cost.get("stopped"):
        doubts.append(f"stopped early: {cost['stopped']}")
    return doubts
