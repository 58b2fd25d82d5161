"""The table of methods: score, gain, rank, cost, and what to doubt."""

from collections.abc import Iterable, Mapping
from typing import Any

from gandl_jax.jobs.compare import answer, text
from gandl_jax.jobs.compare.spent import Cost, memory_bytes
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging.judged import UNTRAINED
from gandl_jax.progress import duration
from gandl_jax.tasks import marks

Row = Mapping[str, Any]
HEADER = (
    "Method", "Set", "Seeds", "Score", "Untrained", "Trained − untrained", "Rank",
    "Training", "Images", "Memory", "GFLOP a step", "Parameters", "Width", "To doubt",
)  # fmt: skip


def section(words: str, rows: list[Row], cost: Mapping[str, Cost]) -> Html:
    """The chapter.

    Args:
      words: the question that leads.
      rows: of it.
      cost: arm to its figures.
    """
    parts = [
        page.tag("p", f"{words}; in small print 95 % intervals over wells and seeds."),
        _table(answer.shown(rows, fair=True), rows, cost),
    ]
    if others := answer.shown(rows, fair=False):
        parts += [
            page.tag("h3", "Apart: what saw more"),
            page.tag(
                "p",
                "Networks that learnt labels of the records that are judged, or were "
                "trained on images that the others held out: in no rank, in no pair.",
            ),
            _table(others, rows, cost),
        ]
    return page.section("methods", "Methods", *parts)


def _table(shown: Iterable[Row], rows: list[Row], cost: Mapping[str, Cost]) -> Html:
    lines = [_line(row, rows, cost.get(row["arm"], {})) for row in shown]
    return page.table(HEADER, lines, "scores")


def _line(row: Row, rows: list[Row], own: Cost) -> list[object]:
    untrained = text.of_arm(rows, row["arm"], UNTRAINED)
    return [
        row["arm"],
        row["features"],
        str(len(row["seeds"])),
        _interval(row, ".3f"),
        _interval(untrained, ".3f"),
        _interval(row["minus_untrained"], "+.3f"),
        _rank(row),
        duration(own["seconds"]) if own else "–",
        page.number(own.get("images"), ",.0f"),
        _memory(own),
        page.number((own.get("flops_per_step") or float("nan")) / 1e9, ",.2f"),
        page.number(own.get("parameters"), ",.0f"),
        page.number(own.get("width"), ",.0f"),
        "; ".join(_doubts(row, own)) or "–",
    ]


def _interval(row: Row | None, pattern: str) -> object:
    if not row:
        return "–"
    return page.interval(row["value"], row["low"], row["high"], pattern)


def _rank(row: Row) -> object:
    if "rank" not in row:
        return "–"
    return page.interval(row["rank"], row["rank_low"], row["rank_high"], "g")


def _memory(own: Cost) -> str:
    if not memory_bytes(own):
        return "–"
    of_host = "" if own.get("peak_device_bytes") else " (host)"
    return f"{memory_bytes(own) / 2**30:.1f} GiB{of_host}"


def _doubts(row: Row, own: Cost) -> list[str]:
    made = [marks.WORDS] if marks.learnt(row) else []
    made += ["images seen"] if row.get("saw_all") else []
    if len(row["seeds"]) == 1 and row["seeds"] != [None]:
        made.append("one seed")
    if not row["minus_untrained"]:
        made.append("no untrained network beside it")
    elif row["minus_untrained"]["low"] <= 0:
        made.append("no better than untrained")
    if own.get("stopped"):
        made.append(f"stopped early: {own['stopped']}")
    return made
