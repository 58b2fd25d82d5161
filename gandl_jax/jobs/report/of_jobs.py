"""Chapters on the results of jobs other than `evaluate`.

A job whose results lie in <workdir>/<job>/<dataset>/*.json has a module of its name in
`job_chapters`, with

  PLACE     position of its chapter among those of jobs
  NAME      of its anchor, together with the screen's
  LINK      text of the link to it
  section   section(dataset, contents, folder) -> its chapter; contents are {name of a
            file: its result}, at least one with rows; folder holds the files
  numbers   numbers(contents) -> {name of a CSV file: rows}
"""

import functools
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from etils import epath

from gandl_jax import modules
from gandl_jax.jobs.report import numbers, page
from gandl_jax.jobs.report.numbers import Numbers
from gandl_jax.jobs.report.page import Html

FOLDER = "jobs/report/job_chapters"
Contents = Mapping[str, Mapping[str, Any]]
Results = Mapping[str, Mapping[str, Contents]]  # job -> dataset -> contents


@functools.cache
def known() -> dict[str, ModuleType]:
    """Returns the jobs that have a chapter, in the order of the page."""
    names = modules.names(FOLDER, "section")
    by_name = {name: modules.load(FOLDER, name) for name in names}
    return dict(sorted(by_name.items(), key=lambda item: item[1].PLACE))


def chapters(results: Results, workdir: str, tables: Numbers) -> Iterator[Html]:
    """Yields the chapters of all jobs with results.

    Args:
      results: of jobs.
      workdir: that holds them.
      tables: files of numbers, to which chapters add theirs.
    """
    for job, dataset, contents in _with_rows(results):
        chapter = known()[job]
        folder = epath.Path(workdir) / job / dataset
        yield chapter.section(dataset, contents, folder)
        for csv, rows in chapter.numbers(contents).items():
            numbers.add(tables, csv, dataset, rows)


def links(results: Results) -> Iterator[tuple[str, str]]:
    """Yields links to the chapters; they name the screen if there are several."""
    for job, dataset, _ in _with_rows(results):
        chapter = known()[job]
        several = len(results[job]) > 1
        title = f"{chapter.LINK}: {dataset}" if several else chapter.LINK
        yield f"#{page.anchor(f'{chapter.NAME}-{dataset}')}", title


def _with_rows(results: Results) -> Iterator[tuple[str, str, Contents]]:
    for job, by_dataset in results.items():
        for dataset, contents in by_dataset.items():
            shown = {
                name: content for name, content in contents.items() if content["rows"]
            }
            if shown:
                yield job, dataset, shown
