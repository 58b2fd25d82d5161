"""The chapters of the tasks: drawn ones, by the task's name, and plain ones.

A task that the report draws has a module of its name in `chapters`, with

  PLACE       where it stands on the page; what has none comes after
  KEYS        what tells one line of its table from another, where encoders are compared
  REMARKS     whether its chapter says what the task left out; else the last one does
  ANSWERS     whether the page's first answer is about it where it is the first such
  MISSED      what is not answered without it, in words
  chapters    from a screen and the files of numbers to its chapters

of which all but `chapters` may lack. Any other task has what its own function `chapter`
tells (paragraphs, and tables as lists of rows), or a table of all its rows.
"""

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from gandl_jax import modules
from gandl_jax.jobs.report import numbers, page
from gandl_jax.jobs.report.encoder_roles import Row
from gandl_jax.jobs.report.numbers import Numbers
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging import task_tables
from gandl_jax.tasks import marks, plain_table

FOLDER = "jobs/report/chapters"


class Chapter(NamedTuple):
    """A chapter of a screen, and the link to it at the top of the page.

    Attributes:
      name: its anchor, together with the screen's.
      link: words of the link.
      content: the chapter.
    """

    name: str
    link: str
    content: Html


@functools.cache
def drawn() -> dict[str, ModuleType]:
    """The tasks that have a module of their own, in the order of the page."""
    found = {
        name: modules.load(FOLDER, name) for name in modules.names(FOLDER, "chapters")
    }
    return dict(sorted(found.items(), key=lambda item: item[1].PLACE))


def chapters(screen, found: Numbers) -> Iterator[Chapter]:
    """All chapters of a screen's tasks.

    Args:
      screen: its rows, as of `screens.sort`.
      found: the files of numbers, that chapters add theirs to.
    """
    for task in dict.fromkeys((*drawn(), *screen.rows)):
        if screen.rows.get(task):
            yield from _drawn(screen, task, found) or [_plain(screen, task, found)]


def _drawn(screen, task: str, found: Numbers) -> list[Chapter]:
    """What a module of the task's name makes; nothing without one."""
    own = drawn().get(task)
    return [*own.chapters(screen, found)] if own else []


def _plain(screen, task: str, found: Numbers) -> Chapter:
    """A chapter without pictures."""
    rows, title = screen.rows[task], task_tables.title(task)
    numbers.add(found, task, screen.name, [*map(_flat, rows)])
    note = page.tag("p", page.join(["Numbers:", page.data_link(task)]), class_="note")
    told = [*_told(task, rows), *(f"{words}." for words in marks.note(rows))]
    parts = [*(_part(part, task) for part in told), note]
    section = page.section(task, title, *parts, of=screen.name)
    return Chapter(task, title, section)


def _told(task: str, rows: Sequence[Row]) -> Iterable[str | Sequence[Row]]:
    """What a task tells of its rows: its own words, or all rows."""
    if task in modules.names("tasks", "chapter"):
        return modules.load("tasks", task).chapter(rows)
    metric = task_tables.metric(task)
    return [f"Measured: {metric}."] * bool(metric) + [rows]


def _part(part: str | Sequence[Row], task: str) -> Html:
    if isinstance(part, str):
        return page.tag("p", part)
    header = plain_table.columns(part)
    lines = [[plain_table.cell(row.get(key)) for key in header] for row in part]
    return page.table([name.replace("_", " ") for name in header], lines, task)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as one line of CSV: lists and tables in it as JSON."""
    return {
        key: json.dumps(value) if isinstance(value, list | dict) else value
        for key, value in row.items()
    }
