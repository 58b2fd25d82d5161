"""Every plot: data in, figure or SVG out; nothing is computed here."""

import html
import io
import math
import re
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design" (2008): stay apart for colour-blind readers.
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, INK, PALE = "#CC79A7", "#222222", "#BBBBBB"
SERIES = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE)
MARKERS = ("o", "s", "^", "D", "v")
CONTROLS = {"response_0": VERMILLION, "response_1": BLUE}

STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
    "svg.hashsalt": "gandl_jax",  # the same figure gives the same bytes
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.7,
    "axes.prop_cycle": matplotlib.cycler(color=SERIES),
    "lines.linewidth": 1.2,
    "legend.frameon": False,
}


@matplotlib.rc_context(STYLE)
def training(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], label: str
) -> Figure:
    """Draws quantities of training against the images seen.

    Args:
      lines: name -> (images seen [N], value [N]).
      label: name of the vertical axis.

    Returns:
      One panel with a line for each name.
    """
    figure, axes = _panel(3.2, 2.1, left=0.19, bottom=0.19, top=0.88)
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


@matplotlib.rc_context(STYLE)
def dose_curve(
    *,
    wells: tuple[Sequence[float], Sequence[float]],
    means: tuple[Sequence[float], Sequence[float]],
    curve: tuple[Sequence[float], Sequence[float]] | None,
    ec50_um: tuple[float, float, float] | None,
    controls: Mapping[str, tuple[float, float, float]],
    dose_limits_um: tuple[float, float],
    response_limits: tuple[float, float],
) -> Figure:
    """Draws one dose-response curve; the controls stand left of the doses.

    Args:
      wells: (dose [N] uM, response [N]) of the wells; 0 is the untreated control's
        mean, 1 the wanted state's.
      means: (dose [D] uM, response [D]) of the doses.
      curve: (dose [M] uM, response [M]) of the fit, or None.
      ec50_um: (low, value, high) in uM, or None; low 0 and high infinity are drawn to
        the edge.
      controls: `response_0`, `response_1` -> (low, middle, high) response.
      dose_limits_um: lowest and highest dose of the axis, uM.
      response_limits: lowest and highest response of the axis.

    Returns:
      One small panel.
    """
    figure, axes = _panel(2.5, 1.9, left=0.15, bottom=0.21, top=0.97, right=0.98)
    low, high = dose_limits_um
    axes.set_xscale("log")
    axes.set_xlim(low / 12, high * 1.6)
    axes.set_ylim(*response_limits)
    for level in (0, 1):
        axes.axhline(level, color=PALE, linewidth=0.6, zorder=0)
    if ec50_um is not None:
        left, middle, right = ec50_um
        edges = max(left, low / 2), min(right, high * 1.6)
        axes.axvspan(*edges, color=ORANGE, alpha=0.22, linewidth=0)
        if edges[0] <= middle <= edges[1]:  # else it would cross the controls
            axes.axvline(middle, color=ORANGE, linewidth=1)
    axes.plot(*wells, "o", color="#777777", markersize=2.4, markeredgewidth=0)
    if curve is not None:
        axes.plot(*curve, color=BLUE)
    axes.plot(*means, "D", color=INK, markersize=3.6, markeredgewidth=0)
    for (name, (bottom, middle, top)), x in zip(
        controls.items(), (low / 8, low / 4.5), strict=False
    ):
        axes.plot([x, x], [bottom, top], color=CONTROLS[name], linewidth=2.5)
        axes.plot([x], [middle], "_", color=CONTROLS[name], markersize=8)
    axes.set_xlabel("dose (µM)", labelpad=1)
    axes.set_xticks(_decades(low, high))
    axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    return figure


@matplotlib.rc_context(STYLE)
def scores(
    names: Sequence[str],
    series: Mapping[str, Sequence[tuple[float, float, float] | None]],
    label: str,
    chance: float,
) -> Figure:
    """Draws scores with their intervals, one line of the figure for each name.

    Args:
      names: what is scored, from top to bottom.
      series: name -> (value, low, high) for each of `names`, None where there is none.
      label: name of the horizontal axis.
      chance: the score of guessing, drawn as a dashed line.

    Returns:
      One panel.
    """
    figure, axes = _panel(
        5.2, 0.75 + 0.45 * len(names), left=0.3, bottom=0.45, top=0.3, inches=True
    )
    for k, (kind, points) in enumerate(series.items()):
        shift = 0.22 * (k - (len(series) - 1) / 2)
        found = [(i + shift, p) for i, p in enumerate(points) if p is not None]
        y = [place for place, _ in found]
        colour = SERIES[k % len(SERIES)]
        axes.hlines(y, [p[1] for _, p in found], [p[2] for _, p in found], color=colour)
        axes.plot(
            [p[0] for _, p in found],
            y,
            MARKERS[k % len(MARKERS)],
            color=colour,
            markersize=4.5,
            label=kind,
        )
    axes.axvline(chance, color=INK, linewidth=0.7, linestyle="--", label="chance")
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(label)
    axes.legend(
        ncols=len(series) + 1,
        loc="lower left",
        bbox_to_anchor=(-0.43, 1),
        columnspacing=1.2,
        handletextpad=0.3,
    )
    return figure


@matplotlib.rc_context(STYLE)
def to_svg(figure: Figure, name: str, title: str) -> str:
    """Writes a figure as an SVG element to be put into an HTML page.

    Args:
      figure: the figure.
      name: prefix of every id in it, unique within the page.
      title: what the figure shows, for those who cannot see it.

    Returns:
      One `svg` element that scales to its container and refers to nothing outside.
    """
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # In an HTML page the namespaces are known, and href needs none.
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    shown = html.escape(title)
    head = f'<svg role="img" aria-label="{shown}"'
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    return svg.replace("<svg", head, 1).replace(">", f"><title>{shown}</title>", 1)


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten among the doses, at most five; the ends where there is none."""
    first, last = math.ceil(math.log10(low) - 0.05), math.floor(math.log10(high) + 0.05)
    every = max(1, -(-(last - first + 1) // 5))
    return [10.0**power for power in range(first, last + 1, every)] or [low, high]


def _panel(
    width: float,
    height: float,
    *,
    left: float,
    bottom: float,
    top: float,
    right: float = 0.97,
    inches: bool = False,
) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height))
    axes = figure.add_subplot()
    if inches:  # margins that stay when the figure grows
        bottom, top = bottom / height, 1 - top / height
    figure.subplots_adjust(left=left, right=right, bottom=bottom, top=top)
    return figure, axes
