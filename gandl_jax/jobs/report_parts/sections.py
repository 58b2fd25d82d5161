"""The chapters of the report's page, and the numbers behind their figures."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from gandl_jax import figures, pictures
from gandl_jax.jobs.report_parts import (
    curves,
    doubts,
    facts,
    findings,
    page,
    scores,
)
from gandl_jax.jobs.report_parts.inputs import Inputs
from gandl_jax.jobs.report_parts.page import Html
from gandl_jax.profiles import feature_set

Numbers = dict[str, list[dict[str, Any]]]

PANELS = {  # caption -> axis, metric -> its name in the legend
    "Losses": ("loss", {"d/loss": "discriminator", "g/loss": "generator"}),
    "R1 penalty": ("R1", {"d/r1": "R1"}),
    "Path length": ("path length", {"g/path_length": "path length"}),
    "Discriminator's mean output": (
        "logit",
        {"d/real_score": "real", "d/fake_score": "generated"},
    ),
    "Speed": ("images per second", {"data/images_per_second": "images per second"}),
}
BEST = 10  # rescues named at the top of the page
WIDTH_PX = 1280  # grids are shrunk to this so that the page stays small to send


def build(inputs: Inputs) -> tuple[Html, Numbers]:
    """Makes the page's body.

    Args:
      inputs: what the other jobs left.

    Returns:
      The body, and name -> rows of the CSV files.
    """
    numbers: Numbers = {}
    screens = {name: _screen(inputs, name) for name in inputs.tasks}
    chapters = [_title(inputs, screens)]
    chapters += [_answer(name, screen) for name, screen in screens.items()]
    if not any(screen.scores or screen.doses for screen in screens.values()):
        chapters.append(missing(inputs, "scores", "embed,evaluate,report"))
    for name, screen in screens.items():
        chapters += [_scores(name, screen, numbers), _curves(name, screen, numbers)]
    chapters += [
        _training(inputs, numbers),
        _grids(inputs),
        _skipped(inputs),
        facts.section(inputs),
        _limits(),
    ]
    return page.join(chapter for chapter in chapters if chapter), numbers


def missing(inputs: Inputs, what: str, job: str) -> Html:
    """Says what is not there and the command that makes it."""
    command = page.tag("code", inputs.command(job))
    words = page.join([f"There are no {what} yet. They are made by:", command])
    return page.tag("p", words, class_="missing")


def _title(inputs: Inputs, screens: Mapping[str, "_Screen"]) -> Html:
    seen = f"{inputs.metrics[-1]['images']:,} images seen" if inputs.metrics else ""
    config = inputs.config
    parts = (
        f"screen {config.data.name}",
        f"method {config.method.name}",
        f"{config.data.crop_px} px",
        seen or "not trained",
    )
    links = []
    for name, screen in screens.items():
        links += [(f"#scores-{name}", f"Scores: {name}")] if screen.scores else []
        links += [(f"#curves-{name}", f"Doses: {name}")] if screen.curves else []
    links += [
        ("#training", "Training"),
        ("#images", "Images"),
        ("#run", "What was run"),
        ("#limits", "Limits"),
    ]
    return page.join(
        [
            page.tag("h1", inputs.name),
            page.tag("p", " · ".join(parts), class_="subtitle"),
            page.tag("nav", page.join(page.tag("a", t, href=h) for h, t in links)),
        ]
    )


@dataclasses.dataclass(frozen=True)
class _Screen:
    """One screen's rows, and those that are shown first."""

    features: str
    scores: list[findings.Row]
    doses: list[findings.Row]
    table: findings.Table
    curves: dict[str, list[findings.Row]]  # by kind; the first one's are drawn

    @property
    def drawn(self) -> list[findings.Row]:
        return next(iter(self.curves.values()), [])


def _screen(inputs: Inputs, name: str) -> _Screen:
    tasks, features = inputs.tasks[name], inputs.config.evaluate.features
    scores = tasks.get("control_classification", {}).get("rows", [])
    doses = tasks.get("dose_response", {}).get("rows", [])
    kinds = feature_set.kinds(row["encoder"] for row in [*scores, *doses])
    table = findings.headline(scores, kinds, features)
    curves = findings.curves(doses, kinds, features)
    return _Screen(features, scores, doses, table, curves)


def _answer(name: str, screen: _Screen) -> Html | None:
    if not screen.scores and not screen.doses:
        return None
    parts = [
        page.tag("h2", f"In short: {name}"),
        page.tag("p", findings.score_answer(screen.table)),
        page.items(findings.comparisons(screen.table)),
        page.tag("p", findings.dose_answer(screen.curves)),
    ]
    best = curves.best(screen.drawn)
    if best:
        parts.append(page.items(best[:BEST], "ol"))
    if len(best) > BEST:
        parts.append(page.tag("p", f"and {len(best) - BEST} more in the table below."))
    doubtful = doubts.doubts(screen.table, screen.drawn)
    if doubtful:
        parts += [page.tag("h2", "What to doubt"), page.items(doubtful)]
    return page.tag("div", page.join(parts), class_="answer")


def _scores(name: str, screen: _Screen, numbers: Numbers) -> Html | None:
    if not screen.scores:
        return None
    numbers.setdefault("scores", []).extend(
        {"dataset": name} | scores.flat(row) for row in screen.scores
    )
    content = scores.content(name, screen.features, screen.scores, screen.table)
    return page.section(f"scores-{name}", f"Scores: {name}", *content)


def _curves(name: str, screen: _Screen, numbers: Numbers) -> Html | None:
    if not screen.curves:
        return None
    numbers.setdefault("dose_response", []).extend(
        {"dataset": name}
        | {key: v for key, v in row.items() if key not in ("points", "controls")}
        for row in screen.doses
    )
    rows = screen.drawn
    plots, points = curves.panels(rows, f"curve-{name}")
    numbers.setdefault("dose_curves", []).extend(
        {"dataset": name} | point for point in points
    )
    return page.section(
        f"curves-{name}",
        f"Dose response: {name}",
        page.tag(
            "p",
            f"From the set {rows[0]['set']} ({next(iter(screen.curves))}). 0 is the "
            "mean of the controls without effect, 1 that of the controls in the wanted "
            "state. Rescues that go at least half way come first, the most potent "
            f"first; {curves.SHOWN} curves at most are drawn. Stray wells may "
            "lie outside the axes.",
        ),
        plots,
        page.details(f"All {len(rows)} curves", curves.table(rows)),
    )


def _training(inputs: Inputs, numbers: Numbers) -> Html:
    if not inputs.metrics:
        return page.section("training", "Training", missing(inputs, "metrics", "all"))
    numbers["training"] = inputs.metrics
    plots = []
    for i, (caption, (label, names)) in enumerate(PANELS.items()):
        lines = {}
        for metric, name in names.items():
            found = [m for m in inputs.metrics if m.get(metric) is not None]
            if found:
                lines[name] = [m["images"] for m in found], [m[metric] for m in found]
        if lines:
            figure = figures.training(lines, label)
            svg = figures.to_svg(figure, f"training-{i}", f"{caption} during training")
            plots.append(page.figure(Html(svg), caption))
    return page.section(
        "training", "Training", page.tag("div", page.join(plots), class_="panels")
    )


def _grids(inputs: Inputs) -> Html:
    if not inputs.grids:
        note = missing(inputs, "image grids", "all")
        return page.section("images", "Images", note)
    first, last = inputs.grids[0], inputs.grids[-1]
    colours = zip(
        inputs.channels, pictures.colour_names(len(inputs.channels)), strict=True
    )
    key = ", ".join(f"{channel} {colour}" for channel, colour in colours)
    channels = page.join(_picture(inputs, last, name) for name in inputs.channels)
    content = [
        page.tag("p", f"Left real, right generated. Colours of the composite: {key}."),
        _picture(inputs, last, "composite"),
        page.tag("div", channels, class_="pair"),
    ]
    if first != last:
        start = _picture(inputs, first, "composite")
        content.append(page.details(f"For comparison: step {first:,}", start))
    return page.section("images", "Images", *content)


def _picture(inputs: Inputs, step: int, name: str) -> Html:
    path, words = inputs.grid(step, name), f"{name}, step {step:,}"
    if not path.exists():
        return page.tag("p", f"There is no picture of {words}.", class_="missing")
    png = pictures.shrunk(path, WIDTH_PX)
    return page.picture(png, f"real beside generated images: {words}", words)


def _skipped(inputs: Inputs) -> Html | None:
    lines = [
        f"{dataset}, {name.replace('_', ' ')}: {task['skipped']}"
        for dataset, tasks in inputs.tasks.items()
        for name, task in tasks.items()
        if task["skipped"]
    ]
    if not lines:
        return None
    return page.section("skipped", "Skipped tasks", page.items(lines))


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
