"""Chapters of the report on training: curves, images, or the encoder's origin."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from etils import epath

from gandl_jax import modules, pictures
from gandl_jax.figures import style
from gandl_jax.figures import training as plot
from gandl_jax.jobs.doctor import metric_findings
from gandl_jax.jobs.report import cost, page
from gandl_jax.jobs.report.inputs import Inputs
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging import training_curves
from gandl_jax.methods.findings import GOOD
from gandl_jax.profiles import feature_set
from gandl_jax.training import opening

WIDTH_PX = 1280  # grids are shrunk to this so that the page stays small to send


def section(inputs: Inputs) -> Html | None:
    """Builds the chapter of training; None if there was and will be none."""
    if inputs.metrics:
        plots = page.tag(
            "div", page.join(_plots(inputs.config, inputs.metrics)), class_="panels"
        )
        note = page.join(["Numbers:", page.data_link("training")])
        note = page.tag("p", note, class_="note")
        introduction = _start(inputs), _findings(inputs)
        parts = *introduction, plots, note, cost.tables(inputs.cost)
        return page.section("training", "How did training go?", *parts)
    origin = origins(inputs)
    if origin:
        return page.section(
            "training",
            "Where do the features come from?",
            page.items(origin),
            cost.tables(inputs.cost),
        )
    if inputs.encoders and not inputs.has_networks:
        return None
    hint = page.missing("metrics", inputs.command("all"))
    return page.section("training", "How did training go?", hint)


def _start(inputs: Inputs) -> Html:
    """Names what training started from, unless from random networks."""
    start = inputs.record.get("start")
    if not start:
        return page.text("")
    name = inputs.config.method.name
    sentence = (
        f"Training did not start from random networks but from {start['from']}: "
        f"{feature_set.start_name(name)} is the network as it was given, {name}@0 the "
        "same network untrained."
    )
    return page.tag("p", sentence)


def _findings(inputs: Inputs) -> Html:
    """Lists what the metrics say against the networks, as the job doctor does."""
    steps = opening.finished_steps(epath.Path(inputs.workdir))
    findings = metric_findings.judge_networks(inputs.metrics, inputs.config, steps)
    troubles = [finding for finding in findings if finding.state != GOOD]
    lines = [
        f"{finding.what}: {finding.result}"
        + (f". What to do: {finding.do}" if finding.do else "")
        for finding in troubles
    ]
    if not lines:
        return page.text("")
    introduction = (
        "What the metrics say against the networks (--job=doctor says it too):"
    )
    return page.join([page.tag("p", introduction), page.items(lines)])


def origins(inputs: Inputs) -> list[str]:
    """Returns sentences on the origin of encoders and tables not trained here."""
    sentences = []
    for dataset, encoders in inputs.encoders.items():
        for encoder, made_from in encoders.items():
            origin = made_from.get("encoder")
            if origin and "file" in origin:
                sentences.append(
                    f"{encoder} is the network in {origin['file']}, trained elsewhere: "
                    f"whether it has seen {dataset} is not known here."
                )
            elif origin:
                untrained = ", before training" if not feature_set.step(encoder) else ""
                sentences.append(
                    f"{encoder} comes from the experiment {origin['experiment']}, "
                    f"which was trained on the screen {origin['dataset']}{untrained}; "
                    f"it has never seen {dataset}."
                )
            elif made_from.get("file"):
                sentences.append(
                    f"{encoder} was imported from {made_from['file']}: how it was "
                    "made is not known here."
                )
    return list(dict.fromkeys(sentences))


def other_screens(inputs: Inputs) -> str:
    """Names the other screen that the network was trained on; "" if none."""
    names = [
        made_from["encoder"]["dataset"]
        for encoders in inputs.encoders.values()
        for made_from in encoders.values()
        if "dataset" in made_from.get("encoder", {})
    ]
    if not names:
        return ""
    return f"network trained on {page.listing(names)} only, without these images"


def pictures_section(inputs: Inputs) -> Html | None:
    """Builds the chapter of image grids; None without any."""
    if not inputs.grids:
        return None
    first, last = inputs.grids[0], inputs.grids[-1]
    colours = zip(
        inputs.channels, pictures.colour_names(len(inputs.channels)), strict=True
    )
    left, right = _halves(inputs, last)
    legend = ", ".join(f"{channel} {colour}" for channel, colour in colours)
    channels = page.join(_picture(inputs, last, name) for name in inputs.channels)
    content = [
        page.tag(
            "p", f"Left {left}, right {right}. Colours of the composite: {legend}."
        ),
        *_expected(inputs),
        _picture(inputs, last, "composite"),
        page.tag("div", channels, class_="pair"),
    ]
    if first != last:
        picture = _picture(inputs, first, "composite")
        content.append(page.details(f"For comparison: step {first:,}", picture))
    return page.section("images", "What did the network see and draw?", *content)


def _expected(inputs: Inputs) -> Iterator[Html]:
    """Describes the pictures to expect at this stage, of a method that draws."""
    panels = modules.part("methods", inputs.config.method.name, "panels")
    sentence = getattr(panels, "PICTURES", "")
    if sentence and inputs.metrics:
        images = inputs.metrics[-1]["images"]
        progress = (
            f"This network has seen {images:,} images in {inputs.grids[-1]:,} steps. "
        )
        yield page.tag("p", progress + sentence, class_="note")


def curves(
    config, metrics: Sequence[Mapping[str, Any]], name: str
) -> list[tuple[str, str]]:
    """Returns captions and SVGs of the curves that a method shows of its training.

    Args:
      config: of the training.
      metrics: its lines.
      name: prefix of ids, unique within the page.
    """
    panels = training_curves.panels(config, metrics)
    return [
        (
            panel.caption,
            style.to_svg(
                plot.draw(panel.lines, panel.label),
                f"{name}-{i}",
                f"{panel.caption} during training",
            ),
        )
        for i, panel in enumerate(panels)
    ]


def _plots(config, metrics: list[dict[str, Any]]) -> list[Html]:
    drawn = curves(config, metrics, "training")
    return [page.figure(Html(svg), caption) for caption, svg in drawn]


def _halves(inputs: Inputs, step: int) -> tuple[str, str]:
    """Names what the halves of a grid show, as the method called them."""
    unknown = "training images", "the method's"  # a former version's say nothing
    return pictures.read_words(inputs.grid(step, "composite")) or unknown


def _picture(inputs: Inputs, step: int, name: str) -> Html:
    path, name_and_step = inputs.grid(step, name), f"{name}, step {step:,}"
    if not path.exists():
        return page.tag(
            "p", f"There is no picture of {name_and_step}.", class_="missing"
        )
    try:
        png = pictures.shrunk(path, WIDTH_PX)
    except ValueError:
        return page.tag(
            "p", f"The picture of {name_and_step} is damaged.", class_="missing"
        )
    left, right = _halves(inputs, step)
    return page.picture(
        png, f"{left} beside {right} images: {name_and_step}", name_and_step
    )
