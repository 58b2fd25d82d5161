"""Importance of channels by several measures, and for each class."""

from collections.abc import Collection, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from gandl_jax.figures import style

LONGEST = 20  # letters of a name that a margin has room for
Score = tuple[float, float, float, Sequence[float]]  # value, low, high, of each seed


@matplotlib.rc_context(style.STYLE)
def bars(
    channels: Sequence[str],
    panels: Mapping[str, Sequence[Score]],
    equal: Mapping[str, float],
) -> Figure:
    """Draws a bar for each channel, a panel for each measure.

    Args:
      channels: from top to bottom.
      panels: axis label to a score of each channel; the line is its interval, dots are
        seeds.
      equal: axis label to the score of each channel if all mattered alike, a dashed
        line; 0 for an axis that is not in it.

    Returns:
      Panels side by side, with the channels' names on the left.
    """
    height = 0.75 + 0.3 * len(channels)
    figure = Figure(figsize=(1.5 + 2.2 * len(panels), height))
    panel_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    positions = np.arange(len(channels))
    for number, (axes, (axis, scores)) in enumerate(
        zip(panel_axes, panels.items(), strict=True)
    ):
        colour = style.SERIES[number]
        values, lows, highs, seeds = zip(*scores, strict=True)
        axes.barh(positions, values, height=0.55, color=colour, alpha=0.45)
        axes.hlines(positions, lows, highs, color=colour)
        for y, seed_values in zip(positions, seeds, strict=True):
            axes.plot(
                seed_values, [y] * len(seed_values), ".", color=style.INK, markersize=3
            )
        axes.axvline(0, color=style.INK, linewidth=0.7)
        if axis in equal:
            axes.axvline(equal[axis], color=style.INK, linewidth=0.7, linestyle="--")
        axes.set_xlabel(axis)
        axes.tick_params(axis="y", length=0)
    panel_axes[0].set_yticks(positions, _cut(channels), parse_math=False)
    panel_axes[0].set_ylim(len(channels) - 0.5, -0.5)
    figure.subplots_adjust(
        left=1.3 / figure.get_figwidth(), right=0.97, wspace=0.15,
        bottom=0.5 / height, top=1 - 0.1 / height,
    )  # fmt: skip
    return figure


@matplotlib.rc_context(style.STYLE)
def heat(
    classes: Sequence[str],
    channels: Sequence[str],
    values: np.ndarray,
    starred: Collection[tuple[int, int]],
    label: str,
) -> Figure:
    """Draws the loss of each class by each channel as a heat map.

    Args:
      classes: from top to bottom.
      channels: from left to right.
      values: [classes, channels] float64.
      starred: (class, channel) of the cells that get a star.
      label: of the colour scale.

    Returns:
      One panel, with its colour scale on the right.
    """
    height = 1.0 + 0.2 * len(classes)
    width = 3.0 + 0.42 * len(channels)
    figure, axes = style.panel(
        width, height,
        left=1.5 / width, right=1 - 0.65 / width, bottom=0.1, top=0.85, inches=True,
    )  # fmt: skip
    largest = max(float(np.abs(values).max()), 1e-9)
    colours = matplotlib.colors.LinearSegmentedColormap.from_list(
        "lost", style.DIVERGING
    )
    mesh = axes.pcolormesh(values, cmap=colours, vmin=-largest, vmax=largest)
    for row, column in starred:
        axes.text(column + 0.5, row + 0.55, "∗", ha="center", va="center", fontsize=9)
    axes.set_yticks(np.arange(len(classes)) + 0.5, _cut(classes),
                    parse_math=False)  # fmt: skip
    axes.set_xticks(np.arange(len(channels)) + 0.5, _cut(channels),
                    parse_math=False, rotation=40, ha="left")  # fmt: skip
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_ylim(len(classes), 0)
    figure.colorbar(mesh, ax=axes, label=label, fraction=0.06, pad=0.04)
    return figure


def _cut(names: Sequence[str]) -> list[str]:
    return [style.cut(name, LONGEST) for name in names]
