"""Chapter of retrieval: are wells of one treatment each other's neighbours?"""

from collections.abc import Sequence
from typing import Any

from gandl_jax.jobs.report import encoder_roles, page, scores
from gandl_jax.jobs.report import numbers as files
from gandl_jax.jobs.report.encoder_roles import Row, Table
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.task_chapters import Chapter
from gandl_jax.tasks import marks

PLACE = 70
REMARKS = True
KEYS = ("group", "kind", "metric", "label", "class")
AGAINST = {"response_0": "controls without effect"}
KINDS = {"replicate": "same treatment", "mechanism": "same mechanism"}


def chapters(screen, numbers):
    """Yields the chapter, as `task_chapters` asks for it."""
    rows, table = screen.rows["retrieval"], screen.tables.get("retrieval")
    if table:
        files.add(numbers, "retrieval", screen.name, lines(rows))
        content = section(screen.name, rows, table, screen.remarks["retrieval"])
        yield Chapter("retrieval", "Retrieval", content)


def section(
    dataset: str, rows: Sequence[Row], table: Table, remarks: Sequence[str] = ()
) -> Html:
    """Builds the chapter of retrieval.

    Args:
      dataset: the screen.
      rows: all rows of retrieval.
      table: the compared ones side by side, with `KEYS`.
      remarks: what the task left out.
    """
    parts = [
        page.tag(
            "p",
            "For each query those to be found and those to be told from are sorted by "
            "likeness; mean average precision (mAP) is 1 where those of the same "
            "treatment or mechanism all come first. "
            f"{_compared_with(table)}Significant: the share of labels (treatments and "
            "doses, or mechanisms) above chance at q < 0.05.",
        ),
        page.tag("div", page.figure(_figure(table, dataset), ""), class_="pair"),
        _table(table),
        _labels(table),
    ]
    shown = {id(row) for by_role in table.values() for row in by_role.values()}
    rest = [row for row in rows if id(row) not in shown]
    if rest:
        summary = f"All other feature sets ({len(rest)} scores)"
        parts.append(page.details(summary, _rest(rest)))
    parts.append(page.remarks(remarks))
    note = page.join(["Numbers:", page.data_link("retrieval")])
    parts.append(page.tag("p", note, class_="note"))
    title = "Do wells of one treatment find each other?"
    return page.section("retrieval", title, *parts, of=dataset)


def lines(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Returns all scores, and those of each label, one a line."""
    flat_rows = []
    for row in rows:
        plain = scores.flat(row)
        flat_rows.append(plain)
        keys = ("task", "set", "encoder", "features", "kind", "group", marks.LABELS)
        shared = {key: row.get(key) for key in keys}
        for of_label in row.get("by_label") or []:
            score = {
                "label": of_label["label"],
                "metric": "mAP",
                "value": of_label["map"],
            }
            flat_rows.append(shared | score | {"q": of_label["q"]})
    return flat_rows


def _compared_with(table: Table) -> str:
    """Names what the wells of each search are compared with, if rows say so."""
    descriptions = {}
    for score_key, by_role in table.items():
        against = encoder_roles.main(by_role).get("against")
        if against:
            name = AGAINST.get(against, against)
            descriptions[f"{KINDS.get(score_key[1], score_key[1])}: {name}"] = None
    return f"Told from, {'; '.join(descriptions)}. " if descriptions else ""


def _figure(table: Table, dataset: str) -> Html:
    names = [
        "\n".join(
            part
            for part in (score_key[0], KINDS.get(score_key[1], score_key[1]))
            if part != "all"
        )
        for score_key in table
    ]
    names = [
        f"{name} ({marks.WORDS})" if any(map(marks.learnt, by_role.values())) else name
        for name, by_role in zip(names, table.values(), strict=True)
    ]
    label = "mean average precision"
    return scores.figure(names, list(table.values()), label, f"score-{dataset}-map")


def _table(table: Table) -> Html:
    order = list(dict.fromkeys(role for by_role in table.values() for role in by_role))
    header = ("Cells", "Find the", "Queries", "Significant", *order, "chance")
    lines = []
    for score_key, by_role in table.items():
        first = encoder_roles.main(by_role)
        lines.append(
            (
                score_key[0],
                KINDS.get(score_key[1], score_key[1]),
                f"{first['queries']:,}",
                page.number(first["share_significant"], ".0%"),
                *(scores.cell(role, by_role) for role in order),
                page.number(first["chance"], ".3f"),
            )
        )
    return page.table(header, lines, "retrieval")


def _labels(table: Table) -> Html:
    """Tabulates each label's precision, of what stands first."""
    lines = []
    for score_key, by_role in table.items():
        first = encoder_roles.main(by_role)
        of_labels = [
            label for label in first.get("by_label") or [] if label["map"] is not None
        ]
        for label in sorted(of_labels, key=lambda label: -label["map"]):
            lines.append(
                (
                    scores.marked(label["label"], first),
                    score_key[0],
                    KINDS.get(score_key[1], score_key[1]),
                    page.number(label["map"], ".3f"),
                    page.number(label["q"], ".2g"),
                )
            )
    header = ("Label", "Cells", "Find the", "mAP", "q")
    summary = f"Each label's own precision ({len(lines)})"
    return page.details(summary, page.table(header, lines, "retrieval"))


def _rest(rows: Sequence[Row]) -> Html:
    header = ("Feature set", "Cells", "Find the", "mAP", "Significant")
    return page.table(
        header,
        (
            (
                row["set"],
                row["group"],
                KINDS.get(row["kind"], row["kind"]),
                scores.marked(
                    page.interval(row["value"], row["low"], row["high"], ".3f"), row
                ),
                page.number(row["share_significant"], ".0%"),
            )
            for row in rows
        ),
        "retrieval",
    )
