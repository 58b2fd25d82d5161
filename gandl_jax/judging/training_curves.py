"""Curves of training that a method shows, and their points."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gandl_jax import modules

Panels = dict[str, tuple[str, dict[str, str]]]
SPEED = {
    "Speed": ("images per second", {"data/images_per_second": "images per second"})
}
MOST_POINTS = 1_000  # of a line: more are narrower than a pixel


class Panel(NamedTuple):
    """Arguments and caption of a figure of `figures.training.draw`.

    Attributes:
      caption: of the panel.
      label: of the vertical axis.
      lines: name -> (images seen [N], value [N]).
    """

    caption: str
    label: str
    lines: dict[str, tuple[list[float], list[float]]]


def panels(config, metrics: Sequence[Mapping[str, Any]]) -> Iterator[Panel]:
    """Yields the panels whose metrics were logged.

    Args:
      config: of the training.
      metrics: lines of the log, as in `logs.read`.
    """
    for caption, (label, names) in _panel_metrics(config, metrics).items():
        lines = {}
        for metric, legend in names.items():
            logged = [m for m in metrics if m.get(metric) is not None]
            logged = logged[:: -(-len(logged) // MOST_POINTS) or 1]
            if logged:
                lines[legend] = (
                    [m["images"] for m in logged],
                    [m[metric] for m in logged],
                )
        if lines:
            yield Panel(caption, label, lines)


def _panel_metrics(config, metrics: Sequence[Mapping[str, Any]]) -> Panels:
    """Returns caption -> (axis, {metric: its name in the legend}) of the method.

    A method without panels gets its losses. Validation metrics are always added.
    """
    method_panels = modules.part("methods", config.method.name, "panels")
    logged = sorted({name for logged_line in metrics for name in logged_line})
    losses = [name for name in logged if name.endswith("/loss")]
    chosen = (
        method_panels.PANELS
        if method_panels
        else {"Losses": ("loss", {n: n for n in losses})}
    )
    validations = [n for n in logged if n.startswith("validation/") and n not in losses]
    validation_panels = {
        f"Validation: {n.partition('/')[2]}": (n, {n: n}) for n in validations
    }
    return {**chosen, **validation_panels, **SPEED}
