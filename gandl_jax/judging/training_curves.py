"""Which curves a method shows of its training, and their points."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gandl_jax import modules

Panels = dict[str, tuple[str, dict[str, str]]]
SPEED = {
    "Speed": ("images per second", {"data/images_per_second": "images per second"})
}
MOST_POINTS = 1_000  # of a line: more are narrower than a pixel


class Panel(NamedTuple):
    """What `figures.training.draw` shows, and what it is called.

    Attributes:
      caption: of the panel.
      label: of its vertical axis.
      lines: name to (images seen [N], value [N]).
    """

    caption: str
    label: str
    lines: dict[str, tuple[list[float], list[float]]]


def panels(config, metrics: Sequence[Mapping[str, Any]]) -> Iterator[Panel]:
    """The panels of which something was logged.

    Args:
      config: of the training.
      metrics: its lines, as of `logs.read`.
    """
    for caption, (label, names) in _named(config, metrics).items():
        lines = {}
        for metric, legend in names.items():
            found = [m for m in metrics if m.get(metric) is not None]
            found = found[:: -(-len(found) // MOST_POINTS) or 1]
            if found:
                lines[legend] = [m["images"] for m in found], [m[metric] for m in found]
        if lines:
            yield Panel(caption, label, lines)


def _named(config, metrics: Sequence[Mapping[str, Any]]) -> Panels:
    """Caption to (axis, {metric: its name in the legend}), as the method says it.

    A method that says nothing has its losses drawn, and what it was validated by.
    """
    own = modules.part("methods", config.method.name, "panels")
    logged = sorted({name for line in metrics for name in line})
    losses = [name for name in logged if name.endswith("/loss")]
    chosen = own.PANELS if own else {"Losses": ("loss", {n: n for n in losses})}
    validated = [n for n in logged if n.startswith("validation/") and n not in losses]
    more = {f"Validation: {n.partition('/')[2]}": (n, {n: n}) for n in validated}
    return {**chosen, **more, **SPEED}
