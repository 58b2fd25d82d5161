"""The report's training: its curves, its images, or where the encoder came from."""

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
    """The chapter of training; None where there was and will be none."""
    if inputs.metrics:
        plots = page.tag(
            "div", page.join(_plots(inputs.config, inputs.metrics)), class_="panels"
        )
        note = page.join(["Numbers:", page.data_link("training")])
        note = page.tag("p", note, class_="note")
        told = _start(inputs), _findings(inputs)
        parts = *told, plots, note, cost.tables(inputs.cost)
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
    words = page.missing("metrics", inputs.command("all"))
    return page.section("training", "How did training go?", words)


def _start(inputs: Inputs) -> Html:
    """What training started from, where that was no random network."""
    start = inputs.record.get("start")
    if not start:
        return page.text("")
    name = inputs.config.method.name
    words = (
        f"Training did not start from random networks but from {start['from']}: "
        f"{feature_set.start_name(name)} is the network as it was given, {name}@0 the "
        "same network untrained."
    )
    return page.tag("p", words)


def _findings(inputs: Inputs) -> Html:
    """What the metrics say against the networks, as the job doctor does."""
    steps = opening.finished_steps(epath.Path(inputs.workdir))
    found = metric_findings.judge_networks(inputs.metrics, inputs.config, steps)
    against = [one for one in found if one.state != GOOD]
    lines = [
        f"{one.what}: {one.words}" + (f". What to do: {one.do}" if one.do else "")
        for one in against
    ]
    if not lines:
        return page.text("")
    words = "What the metrics say against the networks (--job=doctor says it too):"
    return page.join([page.tag("p", words), page.items(lines)])


def origins(inputs: Inputs) -> list[str]:
    """Where encoders and tables came from that were not trained here, in words."""
    found = []
    for dataset, encoders in inputs.encoders.items():
        for encoder, made_from in encoders.items():
            other = made_from.get("encoder")
            if other and "file" in other:
                found.append(
                    f"{encoder} is the network in {other['file']}, trained elsewhere: "
                    f"whether it has seen {dataset} is not known here."
                )
            elif other:
                before = ", before training" if not feature_set.step(encoder) else ""
                found.append(
                    f"{encoder} comes from the experiment {other['experiment']}, which "
                    f"was trained on the screen {other['dataset']}{before}; it has "
                    f"never seen {dataset}."
                )
            elif made_from.get("file"):
                found.append(
                    f"{encoder} was imported from {made_from['file']}: how it was "
                    "made is not known here."
                )
    return list(dict.fromkeys(found))


def other_screens(inputs: Inputs) -> str:
    """Which screen the network was trained on, where it was another; else ""."""
    found = [
        made_from["encoder"]["dataset"]
        for encoders in inputs.encoders.values()
        for made_from in encoders.values()
        if "dataset" in made_from.get("encoder", {})
    ]
    if not found:
        return ""
    return f"network trained on {page.listing(found)} only, without these images"


def pictures_section(inputs: Inputs) -> Html | None:
    """The chapter of image grids; None where there are none."""
    if not inputs.grids:
        return None
    first, last = inputs.grids[0], inputs.grids[-1]
    colours = zip(
        inputs.channels, pictures.colour_names(len(inputs.channels)), strict=True
    )
    left, right = _words(inputs, last)
    key = ", ".join(f"{channel} {colour}" for channel, colour in colours)
    channels = page.join(_picture(inputs, last, name) for name in inputs.channels)
    content = [
        page.tag("p", f"Left {left}, right {right}. Colours of the composite: {key}."),
        *_expected(inputs),
        _picture(inputs, last, "composite"),
        page.tag("div", channels, class_="pair"),
    ]
    if first != last:
        start = _picture(inputs, first, "composite")
        content.append(page.details(f"For comparison: step {first:,}", start))
    return page.section("images", "What did the network see and draw?", *content)


def _expected(inputs: Inputs) -> Iterator[Html]:
    """What a generator's pictures look like after how many images, where one draws."""
    panels = modules.part("methods", inputs.config.method.name, "panels")
    sentence = getattr(panels, "PICTURES", "")
    if sentence and inputs.metrics:
        images = inputs.metrics[-1]["images"]
        seen = (
            f"This network has seen {images:,} images in {inputs.grids[-1]:,} steps. "
        )
        yield page.tag("p", seen + sentence, class_="note")


def curves(
    config, metrics: Sequence[Mapping[str, Any]], name: str
) -> list[tuple[str, str]]:
    """Captions and SVGs of the curves that a method shows of its training.

    Args:
      config: of the training.
      metrics: its lines.
      name: prefix of ids, unique within the page.
    """
    found = training_curves.panels(config, metrics)
    return [
        (
            panel.caption,
            style.to_svg(
                plot.draw(panel.lines, panel.label),
                f"{name}-{i}",
                f"{panel.caption} during training",
            ),
        )
        for i, panel in enumerate(found)
    ]


def _plots(config, metrics: list[dict[str, Any]]) -> list[Html]:
    made = curves(config, metrics, "training")
    return [page.figure(Html(svg), caption) for caption, svg in made]


def _words(inputs: Inputs, step: int) -> tuple[str, str]:
    """What the halves of a grid show, as the method called them."""
    unknown = "training images", "the method's"  # a former version's say nothing
    return pictures.read_words(inputs.grid(step, "composite")) or unknown


def _picture(inputs: Inputs, step: int, name: str) -> Html:
    path, words = inputs.grid(step, name), f"{name}, step {step:,}"
    if not path.exists():
        return page.tag("p", f"There is no picture of {words}.", class_="missing")
    try:
        png = pictures.shrunk(path, WIDTH_PX)
    except ValueError:
        return page.tag("p", f"The picture of {words} is damaged.", class_="missing")
    left, right = _words(inputs, step)
    return page.picture(png, f"{left} beside {right} images: {words}", words)
