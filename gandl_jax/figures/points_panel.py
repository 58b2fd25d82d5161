"""Wells on a plane in matplotlib, in the colours of `points.py`."""

from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.figure import Figure

from gandl_jax.figures import style
from gandl_jax.figures.points import GROUPS


@matplotlib.rc_context(style.STYLE)
def draw(
    points: Mapping[str, Sequence[tuple[float, float]]],
    names: Mapping[str, str],
    axes_names: tuple[str, str],
) -> Figure:
    """Draws points in the colours of their groups.

    Args:
      points: a key of `GROUPS` -> (x, y) of its points.
      names: a key of `GROUPS` -> its name in the legend.
      axes_names: of the horizontal and the vertical axis.

    Returns:
      One panel.
    """
    figure, axes = style.panel(4.0, 3.4, left=0.12, bottom=0.13, top=0.88)
    for group, colour in GROUPS.items():
        if group_points := points.get(group):
            x, y = zip(*group_points, strict=True)
            axes.plot(x, y, ".", color=colour, markersize=4, label=names[group])
    axes.set_xlabel(axes_names[0])
    axes.set_ylabel(axes_names[1])
    axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 0.99), borderpad=0)
    return figure
