"""Chapters of the tasks: drawn ones, by the task's name, and plain ones.

A task that the report draws has a module of its name in `chapters`, with

  PLACE       position on the page
  KEYS        keys by whose values lines differ, of a table that compares encoders
  REMARKS     True if its chapter lists what the task left out; else the last one does
  ANSWERS     True if the page's first answer may be about it; the first such task is
  MISSED      question that is not answered without it
  chapters    function of a screen and the files of numbers to its chapters

All but PLACE and `chapters` are optional. Any other task has the chapter that its
function `chapter` gives (paragraphs, and tables as lists of rows), or a table of all
its rows.
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
    """Chapter of a screen, and the link to it at the top of the page.

    Attributes:
      name: its anchor, together with the screen's.
      link: text of the link.
      content: the chapter.
    """

    name: str
    link: str
    content: Html


@functools.cache
def drawn() -> dict[str, ModuleType]:
    """Returns the tasks that have a module here, in the order of the page."""
    by_task = {
        name: modules.load(FOLDER, name) for name in modules.names(FOLDER, "chapters")
    }
    return dict(sorted(by_task.items(), key=lambda item: item[1].PLACE))


def chapters(screen, number_files: Numbers) -> Iterator[Chapter]:
    """Yields all chapters of a screen's tasks.

    Args:
      screen: its rows, as of `screens.sort`.
      number_files: to which chapters add theirs.
    """
    for task in dict.fromkeys((*drawn(), *screen.rows)):
        if screen.rows.get(task):
            yield from _drawn(screen, task, number_files) or [
                _plain(screen, task, number_files)
            ]


def _drawn(screen, task: str, number_files: Numbers) -> list[Chapter]:
    """Returns the chapters of the task's module; [] without one."""
    module = drawn().get(task)
    return [*module.chapters(screen, number_files)] if module else []


def _plain(screen, task: str, number_files: Numbers) -> Chapter:
    """Builds a chapter without pictures."""
    rows, title = screen.rows[task], task_tables.title(task)
    numbers.add(number_files, task, screen.name, [*map(_flat, rows)])
    note = page.tag("p", page.join(["Numbers:", page.data_link(task)]), class_="note")
    content = [
        *_content(task, rows),
        *(f"{sentence}." for sentence in marks.note(rows)),
    ]
    parts = [*(_part(part, task) for part in content), note]
    section = page.section(task, title, *parts, of=screen.name)
    return Chapter(task, title, section)


def _content(task: str, rows: Sequence[Row]) -> Iterable[str | Sequence[Row]]:
    """Returns the content of a task's function `chapter`, or all rows."""
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
    """Returns a row as one line of CSV: lists and tables in it as JSON."""
    return {
        key: json.dumps(value) if isinstance(value, list | dict) else value
        for key, value in row.items()
    }
