"""Plot of scores against their cost."""

from collections.abc import Mapping

import matplotlib
from matplotlib import ticker
from matplotlib.figure import Figure

from gandl_jax.figures import style

DECADE = 10
LONGEST = 18  # letters of a line of the legend that the margin has room for
LINE, GAP = 0.14, 0.06  # inches of a line of the legend, and between entries
Point = tuple[float, float, float, float]  # cost, value, low, high


@matplotlib.rc_context(style.STYLE)
def draw(points: Mapping[str, Point], cost: str, label: str) -> Figure:
    """Draws scores with their intervals against a cost.

    The axis of the cost is logarithmic if costs span more than a factor of ten.

    Args:
      points: name -> (cost above 0, value, low, high).
      cost: name of the horizontal axis, with its unit.
      label: name of the vertical axis.

    Returns:
      One panel.
    """
    labels = ["\n".join(style.broken(name, LONGEST)) for name in points]
    lines = sum(label.count("\n") + 1 for label in labels)
    height = max(2.6, 0.3 + LINE * lines + GAP * len(labels))
    figure, axes = style.panel(
        4.6, height, left=0.13, bottom=0.17 * 2.6 / height, top=0.96, right=0.65
    )
    for number, (x, value, low, high) in enumerate(points.values()):
        colour, marker = _look(number)
        axes.vlines(x, low, high, color=colour)
        axes.plot(x, value, marker, color=colour, markersize=5, label=labels[number])
    costs = [point[0] for point in points.values()]
    if max(costs) > DECADE * min(costs):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.margins(x=0.2)
    else:
        axes.set_xlim(0, 1.1 * max(costs))
    axes.set_xlabel(cost)
    axes.set_ylabel(label)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.3)
    return figure


def _look(number: int) -> tuple[str, str]:
    """Colour and marker of a series; no two of the first 64 are alike."""
    cycle, place = divmod(number, len(style.SERIES))
    return style.SERIES[place], style.MARKERS[(place + cycle) % len(style.MARKERS)]
