"""Plot of scores against their cost."""

import textwrap
from collections.abc import Mapping

import matplotlib
from matplotlib import ticker
from matplotlib.figure import Figure

from gandl_jax.figures import style

DECADE = 10
LONGEST = 20  # letters of a line of the legend that the margin has room for
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
    figure, axes = style.panel(4.6, 2.6, left=0.13, bottom=0.17, top=0.96, right=0.65)
    looks = zip(style.SERIES * 4, style.MARKERS * 4, strict=True)
    for (name, (x, value, low, high)), (colour, marker) in zip(
        points.items(), looks, strict=False
    ):
        axes.vlines(x, low, high, color=colour)
        lines = "\n".join(textwrap.wrap(name, LONGEST))
        axes.plot(x, value, marker, color=colour, markersize=5, label=lines)
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
