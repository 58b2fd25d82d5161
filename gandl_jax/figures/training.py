"""Curves of training metrics."""

from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib import ticker
from matplotlib.figure import Figure

from gandl_jax.figures import style


@matplotlib.rc_context(style.STYLE)
def draw(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], label: str
) -> Figure:
    """Draws training metrics against the number of images seen.

    Args:
      lines: name -> (images seen [N], value [N]).
      label: name of the vertical axis.

    Returns:
      One panel with a line for each name.
    """
    figure, axes = style.panel(3.2, 2.1, left=0.19, bottom=0.19, top=0.88)
    for name, (images, values) in lines.items():
        axes.plot(images, values, label=name, marker="." if len(images) < 3 else "")
    axes.set_xlabel("images seen")
    axes.set_ylabel(label)
    axes.ticklabel_format(style="plain", axis="x")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(4))
    axes.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
    if len(lines) > 1:
        axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 0.97), borderpad=0)
    return figure
