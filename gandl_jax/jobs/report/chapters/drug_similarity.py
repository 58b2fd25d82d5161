"""Chapter of drug similarity: do drugs of one mechanism look alike?"""

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
    """Yields the chapter, as `task_chapters` asks for it."""
    rows, table = screen.rows["drug_similarity"], screen.tables.get("drug_similarity")
    if table:
        files.add(numbers, "drug_similarity", screen.name, lines(rows))
        section = page.section(
            "drug_similarity",
            "Do drugs of one mechanism look alike?",
            page.tag("p", _explanation(table)),
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
    """Returns all scores, and those of each mechanism, one a line."""
    flat_rows = []
    for row in rows:
        plain = scores.flat(row)
        plain.pop("by_mechanism")
        flat_rows.append(plain)
        keys = ("task", "set", "encoder", "features", "group", "split", "kind")
        shared = {key: row[key] for key in (*keys, marks.LABELS) if key in row}
        flat_rows += [shared | of_mechanism for of_mechanism in row["by_mechanism"]]
    return flat_rows


def _explanation(table: Table) -> str:
    first = encoder_roles.main(next(iter(table.values())))
    against = dict.fromkeys(
        encoder_roles.main(by_role)["against"] for by_role in table.values()
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
    """Names a distance: "Bray-Curtis"."""
    return DISTANCES.get(kind, kind)


def _figure(table: Table, name: str) -> Html:
    names = [
        "\n".join(n for n in (score_key[0], distance(score_key[2])) if n != "all")
        for score_key in table
    ]
    roles_of_lines = list(table.values())
    for i, by_role in enumerate(roles_of_lines):
        if any(map(marks.learnt, by_role.values())):
            names[i] += f" ({marks.WORDS})"
    label = "probability to lie nearer to the mechanism"
    return scores.figure(names, roles_of_lines, label, f"similarity-{name}")


def _table(table: Table) -> Html:
    order = list(dict.fromkeys(role for by_role in table.values() for role in by_role))
    header = ("Cells", "Distance", "Compared with", *order, "chance")
    rows = []
    for score_key, by_role in table.items():
        first = encoder_roles.main(by_role)
        rows.append(
            (
                score_key[0],
                distance(score_key[2]),
                first["against"],
                *(scores.cell(role, by_role) for role in order),
                page.number(first["chance"], ".1f"),
            )
        )
    return page.table(header, rows, "drug_similarity")


def _medians(table: Table) -> Html:
    header = ("Cells", "Distance", "Features", "Within a mechanism", "To what is not")
    return page.table(
        header,
        (
            (
                score_key[0],
                distance(score_key[2]),
                scores.marked(role, row),
                *_both_medians(row),
            )
            for score_key, by_role in table.items()
            for role, row in by_role.items()
        ),
        "drug_similarity",
    )


def _mechanisms(table: Table) -> Html:
    header = ("Mechanism", "Cells", "Distance", "Drugs", "Wells", "Probability",
              "Median within", "Median to what is not")  # fmt: skip
    return page.table(header, _of_mechanisms(table), "drug_similarity")


def _of_mechanisms(table: Table) -> Iterator[Iterable[object]]:
    for score_key, by_role in table.items():
        first = encoder_roles.main(by_role)
        for row in sorted(first["by_mechanism"], key=lambda row: -row["value"]):
            yield (
                scores.marked(row["mechanism"], first),
                score_key[0],
                distance(score_key[2]),
                row["drugs"],
                row["wells"],
                page.number(row["value"], ".3f"),
                *_both_medians(row),
            )


def _both_medians(row: Row) -> Iterator[Html]:
    """Formats both medians, with their intervals."""
    for side in SIDES:
        ends = (row.get(f"median_{side}{end}") for end in ("", "_low", "_high"))
        yield page.interval(*ends, ".3g")
