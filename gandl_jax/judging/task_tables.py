"""Tables of tasks for a terminal: the task's own, or a plain one."""

from collections.abc import Mapping, Sequence
from typing import Any

from gandl_jax import modules
from gandl_jax.tasks import marks, plain_table, score_table

Row = Mapping[str, Any]


def title(task: str) -> str:
    """Returns the title of a task, or its name in words."""
    written = modules.constant("tasks", task, "TITLE")
    return written or task.replace("_", " ").capitalize()


def metric(task: str) -> str:
    """Returns the metric of a task; "" if it names none."""
    return modules.constant("tasks", task, "METRIC") or ""


def text(rows: Mapping[str, Sequence[Row]], features: str) -> str:
    """Writes the scores of the headline set and of floors as text.

    Args:
      rows: task -> all its rows.
      features: the headline set's name within its encoder.

    Returns:
      Lines of text: a table per task, or one line if there is nothing to show.
    """
    rows_by_task = {
        task: score_table.shown(task_rows, features) for task, task_rows in rows.items()
    }
    tables = [
        _table(task, rows_by_task[task]) for task in sorted(rows_by_task, key=order)
    ]
    return "\n\n".join(filter(None, tables)) or "no scores"


def order(task: str) -> tuple[float, str]:
    """Returns the sort key of a task's table: PLACE, or after all that have one."""
    number = modules.constant("tasks", task, "PLACE")
    return (float("inf") if number is None else number, task)


def _table(task: str, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    make_table = getattr(modules.load("tasks", task), "table", None)
    if make_table:
        text = make_table(rows)
    else:
        heading = ": ".join(filter(None, [title(task), metric(task)]))
        text = plain_table.text(heading, rows)
    return "\n".join([text, *marks.note(rows)])
