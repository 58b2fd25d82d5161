"""Plain table for the rows of a task without a display of its own."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gandl_jax.tasks import marks
from gandl_jax.tasks.score_table import aligned

Row = Mapping[str, Any]

HIDDEN = ("task",)  # columns that the title already names
SHOWN = 40  # lines in a terminal
WIDEST = 60  # characters of a value that is a list or a table


def columns(rows: Sequence[Row]) -> list[str]:
    """Returns the keys of rows, in order of appearance, without hidden ones.

    Of marks only that of learnt labels is shown, if a row has it.
    """
    hidden = {*HIDDEN, *marks.NOTHING}
    if any(map(marks.learnt, rows)):
        hidden.remove(marks.LABELS)
    return [
        key for key in dict.fromkeys(k for r in rows for k in r) if key not in hidden
    ]


def cell(value: Any) -> str:
    """Writes a value on one line: numbers with three digits, "-" for no value."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, str):
        return " ".join(value.split())
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= WIDEST else f"{text[:WIDEST]} ..."


def text(title: str, rows: Sequence[Row]) -> str:
    """Writes rows as aligned text for a terminal, the first of many.

    Args:
      title: the line above.
      rows: of one task, at least one.
    """
    header = columns(rows)
    body = [[cell(row.get(key)) for key in header] for row in rows[:SHOWN]]
    more = [f"and {len(rows) - SHOWN} more rows"] if len(rows) > SHOWN else []
    names = [name.replace("_", " ") for name in header]
    return "\n".join([title, *aligned([names, *body]), *more])
