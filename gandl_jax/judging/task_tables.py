"""Tables of tasks for a terminal: each task's own, or a plain one."""

from collections.abc import Mapping, Sequence
from typing import Any

from gandl_jax import modules
from gandl_jax.tasks import marks, plain_table, score_table

Row = Mapping[str, Any]


def title(task: str) -> str:
    """What a task calls itself, or its name in words."""
    written = modules.constant("tasks", task, "TITLE")
    return written or task.replace("_", " ").capitalize()


def metric(task: str) -> str:
    """What a task says that it measures; "" where it does not."""
    return modules.constant("tasks", task, "METRIC") or ""


def text(rows: Mapping[str, Sequence[Row]], features: str) -> str:
    """The scores of the headline set and of floors.

    Args:
      rows: task to all its rows.
      features: the headline set's name within its encoder.

    Returns:
      Lines of text: a table per task, or one line where there is nothing to show.
    """
    shown = {task: score_table.shown(those, features) for task, those in rows.items()}
    tables = [_table(task, shown[task]) for task in sorted(shown, key=_place)]
    return "\n\n".join(filter(None, tables)) or "no scores"


def _place(task: str) -> tuple[float, str]:
    """Where a task's table stands: PLACE, or after all that have one."""
    place = modules.constant("tasks", task, "PLACE")
    return (float("inf") if place is None else place, task)


def _table(task: str, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    own = getattr(modules.load("tasks", task), "table", None)
    if own:
        text = own(rows)
    else:
        words = ": ".join(filter(None, [title(task), metric(task)]))
        text = plain_table.text(words, rows)
    return "\n".join([text, *marks.note(rows)])
