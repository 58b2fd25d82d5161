"""Tables of the report on what training and embedding have cost."""

from collections.abc import Iterator, Mapping
from typing import Any

from gandl_jax import progress
from gandl_jax.jobs.report import page
from gandl_jax.jobs.report.page import Html

CSV = "cost"  # of the embedding, whose tables may be long
TITLE = "What it cost"


def tables(cost: Mapping[str, Any]) -> Html:
    """Tabulates the costs of training and embedding, if they were measured.

    Args:
      cost: as of `costs.read`, or {}.
    """
    parts = []
    if training := cost.get("training"):
        parts.append(page.table((TITLE, "Training"), _training(training), CSV))
    if rows := [
        row for dataset in cost.get("embedding", ()) for row in _sets(cost, dataset)
    ]:
        header = (
            "Embedding",
            "Features",
            "Sites a second",
            "Of sites",
            "Compiling",
            "On",
        )
        parts.append(page.table(header, rows, CSV))
    title = [page.tag("h3", TITLE)] if parts else []
    return page.join([*title, *parts])


def numbers(of_dataset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns a row for each feature set of a screen.

    Args:
      of_dataset: encoder -> figures, as of `costs.read`.
    """
    return [
        {"encoder": encoder, "features": name, "width": width}
        | {key: figures[key] for key in ("sites", "seconds", "sites_per_second")}
        for encoder, figures in of_dataset.items()
        for name, width in figures["widths"].items()
    ]


def _training(training: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    since, redone = training["since_step"], training["redone"]
    yield "Steps", _steps(training)
    if stopped := training["stopped"]:
        yield "Stopped", f"at step {stopped['step']:,}: {stopped['why']}"
    if since:
        yield "Measured", f"since step {since:,}: a former version trained until there"
    yield "Time", _times(training["seconds"])
    yield "Compiling", progress.duration(training["compile_seconds"])
    if redone["steps"]:
        lost = progress.duration(redone["seconds"])
        yield "Lost and done again", f"{page.count(redone['steps'], 'step')}, {lost}"
    yield "Work of a step", _scaled(training["flops_per_step"], 1e9, "GFLOP")
    yield "Memory of the host", _scaled(training["peak_host_bytes"], 1e9, "GB")
    yield "Memory of a device", _scaled(training["peak_device_bytes"], 1e9, "GB")
    counted = training["parameters"]
    yield "Parameters that embed", f"{counted['encoder']:,}"
    yield "Numbers that training keeps", f"{counted['state']:,}"
    yield "On", _on(training)


def _steps(training: Mapping[str, Any]) -> str:
    steps, images = training["steps"], training["images"]
    return f"{steps:,} of {training['batch']} images: {images:,} images"


def _times(seconds: Mapping[str, float]) -> str:
    """Formats the total time, and the time of each part."""
    shares = [
        f"{name} {progress.duration(part)}"
        for name, part in seconds.items()
        if part >= 0.5
    ]
    total = progress.duration(sum(seconds.values()))
    return f"{total}: {', '.join(shares)}" if shares else total


def _sets(cost: Mapping[str, Any], dataset: str) -> Iterator[tuple[str, ...]]:
    for encoder, figures in cost["embedding"][dataset].items():
        widths = (f"{name} {width}" for name, width in figures["widths"].items())
        yield (
            f"{encoder} of {dataset}",
            ", ".join(widths),
            f"{figures['sites_per_second']:.3g}",
            f"{figures['sites']:,}",
            progress.duration(figures["compile_seconds"]),
            _on(figures),
        )


def _on(figures: Mapping[str, Any]) -> str:
    if not figures["device"]:
        return page.count(figures["hosts"], "host")
    devices = f"{figures['devices']} x {figures['device']}"
    return devices + f" on {figures['hosts']} hosts" * (figures["hosts"] > 1)


def _scaled(value: float | None, unit: float, name: str) -> str:
    return "not known" if value is None else f"{value / unit:.3g} {name}"
