"""The report's retrieval: are wells of one treatment each other's neighbours?"""

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
    """See `task_chapters`."""
    rows, table = screen.rows["retrieval"], screen.tables.get("retrieval")
    if table:
        files.add(numbers, "retrieval", screen.name, lines(rows))
        content = section(screen.name, rows, table, screen.remarks["retrieval"])
        yield Chapter("retrieval", "Retrieval", content)


def section(
    dataset: str, rows: Sequence[Row], table: Table, remarks: Sequence[str] = ()
) -> Html:
    """The chapter of retrieval.

    Args:
      dataset: the screen.
      rows: all rows of retrieval.
      table: those side by side, with `KEYS`.
      remarks: what the task left out.
    """
    parts = [
        page.tag(
            "p",
            "For each query those to be found and those to be told from are sorted by "
            "likeness; mean average precision (mAP) is 1 where those of the same "
            f"treatment or mechanism all come first. {_told_from(table)}Significant: "
            "the share of labels (treatments and doses, or mechanisms) above chance at "
            "q < 0.05.",
        ),
        page.tag("div", page.figure(_figure(table, dataset), ""), class_="pair"),
        _table(table),
        _labels(table),
    ]
    shown = {id(row) for those in table.values() for row in those.values()}
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
    """All scores, and those of each label, one a line."""
    found = []
    for row in rows:
        plain = scores.flat(row)
        found.append(plain)
        keys = ("task", "set", "encoder", "features", "kind", "group", marks.LABELS)
        base = {key: row.get(key) for key in keys}
        for one in row.get("by_label") or []:
            of = {"label": one["label"], "metric": "mAP", "value": one["map"]}
            found.append(base | of | {"q": one["q"]})
    return found


def _told_from(table: Table) -> str:
    """What wells of each search are told from, where rows say so."""
    found = {}
    for place, those in table.items():
        against = encoder_roles.main(those).get("against")
        if against:
            words = AGAINST.get(against, against)
            found[f"{KINDS.get(place[1], place[1])}: {words}"] = None
    return f"Told from, {'; '.join(found)}. " if found else ""


def _figure(table: Table, dataset: str) -> Html:
    names = [
        "\n".join(n for n in (place[0], KINDS.get(place[1], place[1])) if n != "all")
        for place in table
    ]
    names = [
        f"{name} ({marks.WORDS})" if any(map(marks.learnt, those.values())) else name
        for name, those in zip(names, table.values(), strict=True)
    ]
    label = "mean average precision"
    return scores.figure(names, list(table.values()), label, f"score-{dataset}-map")


def _table(table: Table) -> Html:
    order = list(dict.fromkeys(role for those in table.values() for role in those))
    header = ("Cells", "Find the", "Queries", "Significant", *order, "chance")
    lines = []
    for place, those in table.items():
        first = encoder_roles.main(those)
        lines.append(
            (
                place[0],
                KINDS.get(place[1], place[1]),
                f"{first['queries']:,}",
                page.number(first["share_significant"], ".0%"),
                *(scores.cell(role, those) for role in order),
                page.number(first["chance"], ".3f"),
            )
        )
    return page.table(header, lines, "retrieval")


def _labels(table: Table) -> Html:
    """Each label's own precision, from what stands first."""
    lines = []
    for place, those in table.items():
        first = encoder_roles.main(those)
        found = [one for one in first.get("by_label") or [] if one["map"] is not None]
        for one in sorted(found, key=lambda one: -one["map"]):
            lines.append(
                (
                    scores.marked(one["label"], first),
                    place[0],
                    KINDS.get(place[1], place[1]),
                    page.number(one["map"], ".3f"),
                    page.number(one["q"], ".2g"),
                )
            )
    header = ("Label", "Cells", "Find the", "mAP", "q")
    words = f"Each label's own precision ({len(lines)})"
    return page.details(words, page.table(header, lines, "retrieval"))


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
