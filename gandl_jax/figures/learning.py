"""Learning curves over several trainings."""

from collections.abc import Sequence

import matplotlib
from matplotlib import ticker
from matplotlib.figure import Figure

from gandl_jax.figures import style
from gandl_jax.figures.scores import Score


@matplotlib.rc_context(style.STYLE)
def draw(
    steps: Sequence[int],
    trained: Sequence[Score],
    seed_values: Sequence[Sequence[float]],
    untrained: Score,
    label: str,
) -> Figure:
    """Draws how a score moves with training, beside that of untrained networks.

    Args:
      steps: [N] training steps, ascending.
      trained: [N] (value, low, high), mean over the trainings.
      seed_values: [N, seeds] each training's value, drawn as dots.
      untrained: (value, low, high), a line with its interval.
      label: name of the vertical axis.

    Returns:
      One panel.
    """
    figure, axes = style.panel(3.2, 2.1, left=0.19, bottom=0.19, top=0.88)
    value, low, high = untrained
    colour = style.SERIES[1]
    axes.axhspan(low, high, color=colour, alpha=0.12, linewidth=0)
    axes.axhline(value, color=colour, linestyle="--", label="untrained")
    values, lows, highs = zip(*trained, strict=True)
    colour = style.SERIES[0]
    axes.fill_between(steps, lows, highs, color=colour, alpha=0.12, linewidth=0)
    axes.plot(steps, values, marker="o", color=colour, label="trained, mean")
    for step, dots in zip(steps, seed_values, strict=True):
        axes.plot(
            [step] * len(dots), dots, ".", color=colour, alpha=0.6, markersize=3.5
        )
    axes.set_xlabel("training step")
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(ticker.FixedLocator(steps))
    axes.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
    axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 0.97), borderpad=0)
    return figure
