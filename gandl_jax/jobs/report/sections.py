"""The chapters of the report's page, and the numbers behind their figures."""

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
    """Makes the page's body.

    Args:
      inputs: what the other jobs left.

    Returns:
      The body, and name -> tables that make up one CSV file.
    """
    features = inputs.config.evaluate.features
    found = [
        screens.sort(name, tasks, features) for name, tasks in inputs.tasks.items()
    ]
    numbers: Numbers = {}
    chapters = [answer.section(screen, inputs) for screen in found]
    if not any(rows for screen in found for rows in screen.rows.values()):
        command = inputs.command("embed,evaluate,report")
        chapters.append(page.missing("scores", command))
    of_tasks = {s.name: [*task_chapters.chapters(s, numbers)] for s in found}
    chapters += [one.content for those in of_tasks.values() for one in those]
    chapters += of_jobs.chapters(inputs.of_jobs, inputs.workdir, numbers)
    for name, said in inputs.summaries.items():
        chapters.append(summaries.section(name, said))
        files.add(numbers, summaries.CSV, name, summaries.numbers(said))
    for name, of_dataset in inputs.cost.get("embedding", {}).items():
        files.add(numbers, cost.CSV, name, cost.numbers(of_dataset))
    if inputs.metrics:
        numbers["training"] = [pd.DataFrame(inputs.metrics)]
    chapters += [
        training.section(inputs),
        training.pictures_section(inputs),
        *(_skipped(screen) for screen in found),
        odd_images.section(inputs.odd_images, numbers),
        what_was_run.section(inputs),
        _limits(inputs.config),
    ]
    return page.join([_title(inputs, of_tasks), *filter(None, chapters)]), numbers


def _title(inputs: Inputs, of_tasks: Mapping[str, list[Chapter]]) -> Html:
    name = screen_spec.load(inputs.config).name
    parts = [f"screen {name}"]
    if inputs.metrics:
        parts += [
            f"method {inputs.config.method.name}",
            f"{inputs.metrics[-1]['images']:,} images seen in training",
        ]
    parts += [page.count(n, k) for k, n in inputs.counts.get(name, {}).items()]
    parts += [words for words in [training.other_screens(inputs)] if words]
    links = list(_links(of_tasks))
    links += of_jobs.links(inputs.of_jobs)
    if inputs.metrics or inputs.encoders:
        links.append(("#training", "Training"))
    links += [("#images", "Images")] if inputs.grids else []
    links += [("#run", "What was run"), ("#limits", "Limits")]
    return page.join(
        [
            page.tag("h1", inputs.name),
            page.tag("p", " · ".join(parts), class_="subtitle"),
            page.tag("nav", page.join(page.tag("a", t, href=h) for h, t in links)),
        ]
    )


def _links(of_tasks: Mapping[str, list[Chapter]]) -> Iterator[tuple[str, str]]:
    """Links to the chapters of the tasks; of several screens they say which."""
    for screen, chapters in of_tasks.items():
        for one in chapters:
            title = f"{one.link}: {screen}" if len(of_tasks) > 1 else one.link
            yield f"#{page.anchor(f'{one.name}-{screen}')}", title


def _skipped(screen: Screen) -> Html | None:
    lines = [
        f"{task.replace('_', ' ')} was left out: {reason}"
        for task, reason in screen.skipped.items()
    ]
    lines += [f"warning: {words}" for words in screen.warnings]
    for task, those in screen.remarks.items():
        if task not in screen.tables:  # else its chapter has them
            lines += [f"{task.replace('_', ' ')}: {words}" for words in those]
    if not lines:
        return None
    title = "What was left out, and warnings"
    return page.section("skipped", title, page.items(lines), of=screen.name)


def _limits(config) -> Html:
    spec = screen_spec.load(config)
    own = page.tag("p", f"{spec.name}: {spec.limits}") if spec.limits else ""
    return page.section(
        "limits",
        "Limits, and how to cite",
        own,
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
    """What the method is from, where it says."""
    cited = getattr(configs.method_options(config.method.name), "CITE", ())
    if not cited:
        return ""
    return f", and what the method is from: {'; '.join(cited).rstrip('.')}"
