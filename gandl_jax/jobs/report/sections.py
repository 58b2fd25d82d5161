"""Sections of the report's page, and the numbers behind their figures."""

from collections.abc import Iterator, Mapping

import pandas as pd

from gandl_jax import config as configs
from gandl_jax.jobs.report import (
    answer,
    cost,
    odd_images,
    of_jobs,
    page,
    screens,
    summaries,
    task_chapters,
    training,
    what_was_run,
)
from gandl_jax.jobs.report import numbers as files
from gandl_jax.jobs.report.inputs import Inputs
from gandl_jax.jobs.report.numbers import Numbers
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.screens import Screen
from gandl_jax.jobs.report.task_chapters import Chapter
from gandl_jax.raw import screen as screen_spec


def build(inputs: Inputs) -> tuple[Html, Numbers]:
    """Builds the page's body.

    Args:
      inputs: of the report.

    Returns:
      The body, and name -> tables that make up one CSV file.
    """
    features = inputs.config.evaluate.features
    shown_screens = [
        screens.sort(name, tasks, features) for name, tasks in inputs.tasks.items()
    ]
    numbers: Numbers = {}
    chapters = [answer.section(screen, inputs) for screen in shown_screens]
    if not any(rows for screen in shown_screens for rows in screen.rows.values()):
        command = inputs.command("embed,evaluate,report")
        chapters.append(page.missing("scores", command))
    task_chapters_of = {
        s.name: [*task_chapters.chapters(s, numbers)] for s in shown_screens
    }
    chapters += [
        chapter.content
        for chapters_of_screen in task_chapters_of.values()
        for chapter in chapters_of_screen
    ]
    chapters += of_jobs.chapters(inputs.job_results, inputs.workdir, numbers)
    for name, summaries_of_screen in inputs.summaries.items():
        chapters.append(summaries.section(name, summaries_of_screen))
        files.add(numbers, summaries.CSV, name, summaries.numbers(summaries_of_screen))
    for name, embedding_cost in inputs.cost.get("embedding", {}).items():
        files.add(numbers, cost.CSV, name, cost.numbers(embedding_cost))
    if inputs.metrics:
        numbers["training"] = [pd.DataFrame(inputs.metrics)]
    chapters += [
        training.section(inputs),
        training.pictures_section(inputs),
        *(_skipped(screen) for screen in shown_screens),
        odd_images.section(inputs.odd_images, numbers),
        what_was_run.section(inputs),
        _limits(inputs.config),
    ]
    return page.join(
        [_title(inputs, task_chapters_of), *filter(None, chapters)]
    ), numbers


def _title(inputs: Inputs, task_chapters_of: Mapping[str, list[Chapter]]) -> Html:
    name = screen_spec.load(inputs.config).name
    parts = [f"screen {name}"]
    if inputs.metrics:
        parts += [
            f"method {inputs.config.method.name}",
            f"{inputs.metrics[-1]['images']:,} images seen in training",
        ]
    parts += [
        page.count(number, unit) for unit, number in inputs.counts.get(name, {}).items()
    ]
    parts += [sentence for sentence in [training.other_screens(inputs)] if sentence]
    links = list(_links(task_chapters_of))
    links += of_jobs.links(inputs.job_results)
    if inputs.metrics or inputs.encoders:
        links.append(("#training", "Training"))
    links += [("#images", "Images")] if inputs.grids else []
    links += [("#run", "What was run"), ("#limits", "Limits")]
    return page.join(
        [
            page.tag("h1", inputs.name),
            page.tag("p", " · ".join(parts), class_="subtitle"),
            page.tag(
                "nav",
                page.join(
                    page.tag("a", title, href=address) for address, title in links
                ),
            ),
        ]
    )


def _links(task_chapters_of: Mapping[str, list[Chapter]]) -> Iterator[tuple[str, str]]:
    """Yields links to the chapters of the tasks, naming the screen if several."""
    for screen, chapters in task_chapters_of.items():
        for chapter in chapters:
            title = (
                f"{chapter.link}: {screen}"
                if len(task_chapters_of) > 1
                else chapter.link
            )
            yield f"#{page.anchor(f'{chapter.name}-{screen}')}", title


def _skipped(screen: Screen) -> Html | None:
    lines = [
        f"{task.replace('_', ' ')} was left out: {reason}"
        for task, reason in screen.skipped.items()
    ]
    lines += [f"warning: {sentence}" for sentence in screen.warnings]
    for task, sentences in screen.remarks.items():
        if task not in screen.tables:  # else its chapter has them
            lines += [f"{task.replace('_', ' ')}: {sentence}" for sentence in sentences]
    if not lines:
        return None
    title = "What was left out, and warnings"
    return page.section("skipped", title, page.items(lines), of=screen.name)


def _limits(config) -> Html:
    spec = screen_spec.load(config)
    screen_limits = page.tag("p", f"{spec.name}: {spec.limits}") if spec.limits else ""
    return page.section(
        "limits",
        "Limits, and how to cite",
        screen_limits,
        page.tag(
            "p",
            "A response measures how far treated wells look like one control rather "
            "than the other. It does not tell rescue from other changes along the same "
            "direction, and an EC50 of appearance is not a potency in patients. "
            "Hits need a second experiment.",
        ),
        page.tag(
            "p",
            "Please cite the screen under its own licence, gandl_jax with its version"
            f"{_sources(config)}.",
        ),
    )


def _sources(config) -> str:
    """Names the sources of the method, if it cites any."""
    sources = getattr(configs.method_options(config.method.name), "CITE", ())
    if not sources:
        return ""
    return f", and what the method is from: {'; '.join(sources).rstrip('.')}"
