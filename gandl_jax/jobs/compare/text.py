"""Text of a comparison by a task, for a terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from gandl_jax.judging import task_tables
from gandl_jax.judging.judged import FLOOR, TRAINED, UNTRAINED
from gandl_jax.tasks import marks
from gandl_jax.tasks.score_table import aligned, with_interval

Row = Mapping[str, Any]
HEADER = ("arm", "features", "seeds", "trained", "untrained", "gain", "rank")


def summary(content: Mapping[str, Any]) -> str:
    """Describes a task's results, question by question."""
    if content["skipped"]:
        return f"\n{content['task']} skipped: {content['skipped']}"
    paragraphs = []
    for question, rows in questions(content["rows"]).items():
        title = f"{task_tables.title(content['task'])}: {question} [95 % interval]"
        lines = [HEADER, *(_line(row, rows) for row in rows if row["role"] == TRAINED)]
        floors = ", ".join(
            f"{row['arm']} {row['value']:.3f}" for row in rows if row["role"] == FLOOR
        )
        end = f"floors: {floors}; chance {rows[0]['chance']:.3f}"
        paragraphs.append("\n".join(["", title, *aligned(lines), end]))
    called = [row for row in content["pairs"] if row["different"]]
    paragraphs.append(
        f"{len(called)} of {len(content['pairs'])} pairs differ after correction for "
        "their number"
    )
    return "\n".join(paragraphs)


def questions(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Groups the rows by their question in words."""
    rows_of_question: dict[str, list[Row]] = {}
    for row in rows:
        rows_of_question.setdefault(row["question"], []).append(row)
    return rows_of_question


def find_row(rows: Iterable[Row], arm: str, role: str) -> Row | None:
    """Finds the row of an arm in a role, among those of a question."""
    return next(
        (row for row in rows if row["arm"] == arm and row["role"] == role), None
    )


def _line(row: Row, rows: list[Row]) -> list[str]:
    untrained = find_row(rows, row["arm"], UNTRAINED)
    return [
        row["arm"],
        row["features"],
        str(len(row["seeds"])),
        marks.marked(interval(row), row),
        interval(untrained),
        interval(row["minus_untrained"], "+"),
        rank(row),
    ]


def interval(row: Row | None, sign: str = "") -> str:
    """Writes a value with its interval, or a dash."""
    if row is None:
        return "-"
    return with_interval(row, f"{sign}.3f")


def rank(row: Row) -> str:
    """Writes a rank with its 95 % interval; "" for a row that is not ranked."""
    if "rank" not in row:
        return ""
    return f"{row['rank']:g} [{row['rank_low']:g}, {row['rank_high']:g}]"
