"""The chapters of the report's page, and the numbers behind their figures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from gandl_jax.jobs.report import (
    answer,
    choice,
    compounds,
    curves,
    maps,
    page,
    plates,
    retrieval,
    scores,
    screens,
    seeds,
    training,
    wells,
    what_was_run,
)
from gandl_jax.jobs.report.inputs import Inputs
from gandl_jax.jobs.report.page import Html
from gandl_jax.jobs.report.screens import Screen
from gandl_jax.raw import screen as screen_spec

Numbers = dict[str, list[pd.DataFrame]]


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
    for screen in found:
        chapters += _chapters(screen, numbers)
    for name, choices in inputs.choices.items():
        chapters.append(choice.section(name, choices))
        for content in choices.values():
            _add_rows(numbers, "choice", name, choice.numbers(content))
            _add_rows(numbers, "candidates", name, content["candidates"])
    for name, comparisons in inputs.comparisons.items():
        chapters.append(seeds.section(name, comparisons))
        for content in comparisons.values():
            _add_rows(numbers, "seeds", name, seeds.numbers(content))
    if inputs.metrics:
        numbers["training"] = [pd.DataFrame(inputs.metrics)]
    chapters += [
        training.section(inputs),
        training.pictures_section(inputs),
        *(_skipped(screen) for screen in found),
        what_was_run.section(inputs),
        _limits(),
    ]
    return page.join([_title(inputs, found), *filter(None, chapters)]), numbers


def _title(inputs: Inputs, found: list[Screen]) -> Html:
    name = screen_spec.load(inputs.config).name
    parts = [f"screen {name}"]
    if inputs.metrics:
        parts += [
            f"method {inputs.config.method.name}",
            f"{inputs.metrics[-1]['images']:,} images seen in training",
        ]
    parts += [page.count(n, k) for k, n in inputs.counts.get(name, {}).items()]
    parts += [words for words in [training.other_screens(inputs)] if words]
    links = [link for screen in found for link in _links(screen, len(found) > 1)]
    links += _job_links("Choice of features", "choice", inputs.choices)
    links += _job_links("Seeds", "seeds", inputs.comparisons)
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


def _links(screen: Screen, several: bool) -> Iterator[tuple[str, str]]:
    words = {
        "control_classification": "Controls",
        "cell_model_classification": "Cell types",
        "label_classification": "Labels",
        "retrieval": "Retrieval",
        "batch_effects": "Batch effects",
    }
    chapters = {"curves": "Doses"} if screen.curves else {}
    if screen.wells and screen.wells.has_plates and screen.wells.has_responses:
        chapters["plates"] = "Plates"
    chapters |= {"map": "Maps"} if screen.maps else {}
    chapters |= {task: words[task] for task in words if task in screen.tables}
    for name, title in chapters.items():
        anchor = page.anchor(f"{name}-{screen.name}")
        yield f"#{anchor}", f"{title}: {screen.name}" if several else title


def _job_links(
    title: str, chapter: str, found: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> Iterator[tuple[str, str]]:
    """Links to the chapters of what one job left, a chapter for each screen."""
    for name, contents in found.items():
        if any(content["rows"] for content in contents.values()):
            anchor = page.anchor(f"{chapter}-{name}")
            yield f"#{anchor}", f"{title}: {name}" if len(found) > 1 else title


def _chapters(screen: Screen, numbers: Numbers) -> Iterator[Html | None]:
    if screen.curves:
        yield _curves(screen, numbers)
    if screen.maps:
        table = wells.numbers(screen.maps.values())
        _add(numbers, "wells", screen.name, table)
        yield plates.section(screen.name, screen.wells)
        yield maps.section(screen.name, screen.maps)
    for task in screens.CLASSIFICATIONS:
        if task in screen.tables:
            rows = screen.rows[task]
            flat = [scores.flat(row) for row in rows]
            _add(numbers, "scores", screen.name, pd.DataFrame(flat, dtype=object))
            remarks = screen.remarks.get(task, ())
            table = screen.tables[task]
            yield scores.section(screen.name, task, rows, table, remarks)
    if "retrieval" in screen.tables:
        rows = screen.rows["retrieval"]
        flat = retrieval.numbers(rows)
        _add(numbers, "retrieval", screen.name, pd.DataFrame(flat, dtype=object))
        table, remarks = screen.tables["retrieval"], screen.remarks["retrieval"]
        yield retrieval.section(screen.name, rows, table, remarks)


def _curves(screen: Screen, numbers: Numbers) -> Html:
    nested = ("points", "controls", "warnings")
    flat = [
        {key: value for key, value in row.items() if key not in nested}
        | {"doubts": "; ".join(row.get("doubts", ()))}
        for row in screen.rows["dose_response"]
    ]
    _add(numbers, "dose_response", screen.name, pd.DataFrame(flat, dtype=object))
    plots, points = curves.panels(screen.drawn, f"curve-{screen.name}")
    _add(numbers, "dose_curves", screen.name, pd.DataFrame(points, dtype=object))
    scatter = compounds.figure(screen.drawn, f"compounds-{screen.name}")
    content = page.join(filter(None, [scatter, plots]))
    return curves.section(screen.name, next(iter(screen.curves)), screen.drawn, content)


def _add_rows(
    numbers: Numbers, name: str, dataset: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    if rows:
        _add(numbers, name, dataset, pd.DataFrame(rows, dtype=object))


def _add(numbers: Numbers, name: str, dataset: str, table: pd.DataFrame) -> None:
    table.insert(0, "dataset", dataset)
    numbers.setdefault(name, []).append(table)


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


def _limits() -> Html:
    return page.section(
        "limits",
        "Limits, and how to cite",
        page.tag(
            "p",
            "A response measures how far treated wells look like one control rather "
            "than the other. It does not tell rescue from other changes along the same "
            "direction, and an EC50 of appearance is not a potency in patients. "
            "Hits need a second experiment.",
        ),
        page.tag(
            "p",
            "Please cite the screen under its own licence; GAN-DL: Mascolini and "
            "others, Exploiting generative self-supervised learning for the assessment "
            "of biological images with lack of annotations, BMC Bioinformatics 2022; "
            "StyleGAN2: Karras and others, CVPR 2020; and gandl_jax with its version.",
        ),
    )
