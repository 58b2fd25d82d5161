"""A comparison by a task as text for a terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from gandl_jax.judging import task_tables
from gandl_jax.judging.judged import FLOOR, TRAINED, UNTRAINED
from gandl_jax.tasks import marks
from gandl_jax.tasks.score_table import aligned

Row = Mapping[str, Any]
HEADER = ("arm", "features", "seeds", "trained", "untrained", "gain", "rank")


def summary(content: Mapping[str, Any]) -> str:
    """What is on disk of a task, question by question."""
    if content["skipped"]:
        return f"\n{content['task']} skipped: {content['skipped']}"
    parts = []
    for words, rows in questions(content["rows"]).items():
        title = f"{task_tables.title(content['task'])}: {words} [95 % interval]"
        lines = [HEADER, *(_line(row, rows) for row in rows if row["role"] == TRAINED)]
        floors = ", ".join(
            f"{row['arm']} {row['value']:.3f}" for row in rows if row["role"] == FLOOR
        )
        end = f"floors: {floors}; chance {rows[0]['chance']:.3f}"
        parts.append("\n".join(["", title, *aligned(lines), end]))
    called = [row for row in content["pairs"] if row["different"]]
    parts.append(
        f"{len(called)} of {len(content['pairs'])} pairs differ after correction for "
        "their number"
    )
    return "\n".join(parts)


def questions(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each question, by the question in words."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["question"], []).append(row)
    return found


def of_arm(rows: Iterable[Row], arm: str, role: str) -> Row | None:
    """The row of an arm in a role, among those of a question."""
    return next((r for r in rows if r["arm"] == arm and r["role"] == role), None)


def _line(row: Row, rows: list[Row]) -> list[str]:
    untrained = of_arm(rows, row["arm"], UNTRAINED)
    return [
        row["arm"],
        row["features"],
        str(len(row["seeds"])),
        marks.told(interval(row), row),
        interval(untrained),
        interval(row["minus_untrained"], "+"),
        rank(row),
    ]


def interval(row: Row | None, sign: str = "") -> str:
    """A value with its interval, or a dash."""
    if row is None:
        return "-"
    value, low, high = (f"{row[key]:{sign}.3f}" for key in ("value", "low", "high"))
    return f"{value} [{low} {high}]"


def rank(row: Row) -> str:
    """A rank with its 95 % interval; "" of a row that stands against no other."""
    if "rank" not in row:
        return ""
    return f"{row['rank']:g} [{row['rank_low']:g} {row['rank_high']:g}]"
