"""The chapter of drug similarity: do drugs of one mechanism look alike?"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gandl_jax.jobs.report import encoder_roles, page, scores
from gandl_jax.jobs.report import numbers as files
from gandl_jax.jobs.report.encoder_roles import Row, Table
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.task_chapters import Chapter
from gandl_jax.tasks import marks

PLACE = 72
KEYS = ("group", "split", "kind")
REMARKS = True
DISTANCES = {"braycurtis": "Bray-Curtis"}
SIDES = ("within", "against")


def chapters(screen, numbers):
    """See `task_chapters`."""
    rows, table = screen.rows["drug_similarity"], screen.tables.get("drug_similarity")
    if table:
        files.add(numbers, "drug_similarity", screen.name, lines(rows))
        section = page.section(
            "drug_similarity",
            "Do drugs of one mechanism look alike?",
            page.tag("p", _words(table)),
            page.tag(
                "div", page.figure(_figure(table, screen.name), ""), class_="pair"
            ),
            _table(table),
            page.details("Median distances of each feature set", _medians(table)),
            page.details("Each mechanism", _mechanisms(table)),
            page.remarks(screen.remarks.get("drug_similarity", ())),
            page.tag(
                "p",
                page.join(["Numbers:", page.data_link("drug_similarity")]),
                class_="note",
            ),
            of=screen.name,
        )
        yield Chapter("drug_similarity", "Similar drugs", section)


def lines(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """All scores, and those of each mechanism, one a line."""
    found = []
    for row in rows:
        plain = scores.flat(row)
        plain.pop("by_mechanism")
        found.append(plain)
        keys = ("task", "set", "encoder", "features", "group", "split", "kind")
        base = {key: row[key] for key in (*keys, marks.LABELS) if key in row}
        found += [base | one for one in row["by_mechanism"]]
    return found


def _words(table: Table) -> str:
    first = encoder_roles.main(next(iter(table.values())))
    against = dict.fromkeys(
        encoder_roles.main(those)["against"] for those in table.values()
    )
    held = " Only records that were held out of training are judged."
    return (
        "How probably a well of another drug of the mechanism lies nearer to a drug's "
        f"well than one of {' or '.join(against)} does: 0.5 is chance, 1 is always. It "
        f"is averaged over mechanisms ({first['mechanisms']} in {first['group']}, of "
        f"{first['drugs']} drugs). In small print the 95 % interval over resampled "
        f"wells, of these drugs.{held if first.get('split') else ''}"
    )


def distance(kind: str) -> str:
    """A distance in words: "Bray-Curtis"."""
    return DISTANCES.get(kind, kind)


def _figure(table: Table, name: str) -> Html:
    names = [
        "\n".join(n for n in (place[0], distance(place[2])) if n != "all")
        for place in table
    ]
    those = list(table.values())
    for i, line in enumerate(those):
        if any(map(marks.learnt, line.values())):
            names[i] += f" ({marks.WORDS})"
    label = "probability to lie nearer to the mechanism"
    return scores.figure(names, those, label, f"similarity-{name}")


def _table(table: Table) -> Html:
    order = list(dict.fromkeys(role for those in table.values() for role in those))
    header = ("Cells", "Distance", "Compared with", *order, "chance")
    rows = []
    for place, those in table.items():
        first = encoder_roles.main(those)
        rows.append(
            (
                place[0],
                distance(place[2]),
                first["against"],
                *(scores.cell(role, those) for role in order),
                page.number(first["chance"], ".1f"),
            )
        )
    return page.table(header, rows, "drug_similarity")


def _medians(table: Table) -> Html:
    header = ("Cells", "Distance", "Features", "Within a mechanism", "To what is not")
    return page.table(
        header,
        (
            (place[0], distance(place[2]), scores.marked(role, row), *_both(row))
            for place, those in table.items()
            for role, row in those.items()
        ),
        "drug_similarity",
    )


def _mechanisms(table: Table) -> Html:
    header = ("Mechanism", "Cells", "Distance", "Drugs", "Wells", "Probability",
              "Median within", "Median to what is not")  # fmt: skip
    return page.table(header, _of_mechanisms(table), "drug_similarity")


def _of_mechanisms(table: Table) -> Iterator[Iterable[object]]:
    for place, those in table.items():
        first = encoder_roles.main(those)
        for one in sorted(first["by_mechanism"], key=lambda one: -one["value"]):
            yield (
                scores.marked(one["mechanism"], first),
                place[0],
                distance(place[2]),
                one["drugs"],
                one["wells"],
                page.number(one["value"], ".3f"),
                *_both(one),
            )


def _both(row: Row) -> Iterator[Html]:
    """Both medians, with their intervals."""
    for side in SIDES:
        ends = (row.get(f"median_{side}{end}") for end in ("", "_low", "_high"))
        yield page.interval(*ends, ".3g")
