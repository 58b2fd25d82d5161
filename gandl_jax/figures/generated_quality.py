"""Distance of generated images to real ones over training."""

from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib import ticker
from matplotlib.figure import Figure

from gandl_jax.figures import style
from gandl_jax.figures.scores import Score


@matplotlib.rc_context(style.STYLE)
def draw(
    steps: Sequence[int],
    distances: Sequence[Score],
    channel_distances: Mapping[str, Sequence[float]],
    floor: Score,
    label: str,
) -> Figure:
    """Draws a distance to real images over steps, above the floor of real images.

    Args:
      steps: [N] training steps, ascending.
      distances: [N] (value, low, high) of all channels together.
      channel_distances: name to [N] distances of the channel alone, drawn as thin
        lines.
      floor: (value, low, high) of real images against real ones.
      label: name of the vertical axis.

    Returns:
      One panel.
    """
    figure, axes = style.panel(3.2, 2.3, left=0.2, bottom=0.17, top=0.8)
    value, low, high = floor
    axes.axhspan(low, high, color=style.GREY, alpha=0.2, linewidth=0)
    axes.axhline(value, color=style.GREY, linestyle="--", label="real against real")
    values, lows, highs = zip(*distances, strict=True)
    colour = style.SERIES[0]
    axes.fill_between(steps, lows, highs, color=colour, alpha=0.12, linewidth=0)
    axes.plot(steps, values, marker="o", color=colour, label="generated")
    for number, (name, channel_values) in enumerate(channel_distances.items(), 1):
        colour = style.SERIES[number % len(style.SERIES)]
        axes.plot(steps, channel_values, color=colour, linewidth=0.7, label=name)
    axes.set_xlabel("training step")
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
    axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(-0.2, 0.97), borderpad=0)
    return figure
