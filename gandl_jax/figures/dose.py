"""Dose-response curves, and what compounds do beside rescuing."""

import math
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gandl_jax.figures import style

Lines = tuple[Sequence[float], Sequence[float]]
COMPOUNDS = {  # what a curve does -> colour, marker
    "rises": (style.BLUE, "o"),
    "falls": (style.VERMILLION, "v"),
    "no effect": (style.PALE, "."),
    "not told": (style.GREY, "x"),
}


@matplotlib.rc_context(style.STYLE)
def curve(
    *,
    wells: Lines,
    means: Lines,
    fit: Lines | None,
    ec50_um: tuple[float, float | None, float] | None,
    controls: Mapping[str, tuple[float, float, float]],
    dose_limits_um: tuple[float, float],
    response_limits: tuple[float, float],
) -> Figure:
    """Draws one dose-response curve; the controls stand left of the doses.

    Args:
      wells: (dose [N] uM, response [N]) of the wells; 0 is the untreated control's
        mean, 1 the wanted state's.
      means: (dose [D] uM, response [D]) of the doses.
      fit: (dose [M] uM, response [M]) of the fitted curve, or None.
      ec50_um: (low, value, high) in uM, or None; low 0 and high infinity are drawn to
        the edge; a value None is a bound: the EC50 lies somewhere between.
      controls: `response_0`, `response_1` -> (low, middle, high) response.
      dose_limits_um: lowest and highest dose of the axis, uM.
      response_limits: lowest and highest response of the axis.

    Returns:
      One small panel.
    """
    figure, axes = style.panel(2.5, 1.9, left=0.15, bottom=0.21, top=0.97, right=0.98)
    low, high = dose_limits_um
    axes.set_xscale("log")
    axes.set_xlim(low / 12, high * 1.6)
    axes.set_ylim(*response_limits)
    for level in (0, 1):
        axes.axhline(level, color=style.PALE, linewidth=0.6, zorder=0)
    if ec50_um is not None:
        _ec50(axes, ec50_um, (low / 2, high * 1.6))
    axes.plot(*wells, "o", color=style.GREY, markersize=2.4, markeredgewidth=0)
    if fit is not None:
        axes.plot(*fit, color=style.BLUE)
    axes.plot(*means, "D", color=style.INK, markersize=3.6, markeredgewidth=0)
    for (name, (bottom, middle, top)), x in zip(
        controls.items(), (low / 8, low / 4.5), strict=False
    ):
        axes.plot([x, x], [bottom, top], color=style.CONTROLS[name], linewidth=2.5)
        axes.plot([x], [middle], "_", color=style.CONTROLS[name], markersize=8)
    axes.set_xlabel("dose (µM)", labelpad=1)
    axes.set_xticks(_decades(low, high))
    axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    return figure


def _ec50(axes: Axes, ec50_um, limits: tuple[float, float]) -> None:
    left, middle, right = ec50_um
    edges = max(left, limits[0]), min(right, limits[1])
    if edges[0] < edges[1]:
        # A bound is no estimate: it is hatched, and has no line in its middle.
        hatch = {"hatch": "////"} if middle is None else {}
        axes.axvspan(*edges, color=style.ORANGE, alpha=0.22, linewidth=0, **hatch)
    if middle is not None and limits[0] <= middle <= limits[1]:
        axes.axvline(middle, color=style.ORANGE, linewidth=1)


@matplotlib.rc_context(style.STYLE)
def compounds(
    points: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    labels: Sequence[tuple[float, float, str]],
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> Figure:
    """Draws what compounds do: rescue upwards, side effect to the right.

    Args:
      points: a key of `COMPOUNDS` -> (side effect [N], rescue [N]).
      labels: (side effect, rescue, name) of the points that are named.
      limits: of the side effect and of the rescue.

    Returns:
      One panel. Points outside the limits are drawn at the edge.
    """
    figure, axes = style.panel(4.5, 3.3, left=0.12, bottom=0.14, top=0.9)
    (left, right), (bottom, top) = limits
    for level in (0, 1):
        axes.axhline(level, color=style.PALE, linewidth=0.6, zorder=0)
    axes.axvline(0, color=style.PALE, linewidth=0.6, zorder=0)
    for kind, (side, rescue) in points.items():
        colour, marker = COMPOUNDS[kind]
        x = [min(max(v, left), right) for v in side]
        y = [min(max(v, bottom), top) for v in rescue]
        axes.plot(
            x, y, marker, color=colour, markersize=4, label=kind, markeredgewidth=0.7,
            linestyle="", clip_on=False, alpha=0.85,
        )  # fmt: skip
    for x, y, name in _apart(labels, right - left, top - bottom):
        axes.annotate(
            name, (min(max(x, left), right), min(max(y, bottom), top)),
            xytext=(4, 3), textcoords="offset points", fontsize=7, parse_math=False,
        )  # fmt: skip
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_xlabel("side effect at the highest dose")
    axes.set_ylabel("rescue at the highest dose")
    axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
    return figure


def _apart(labels, width: float, height: float) -> list[tuple[float, float, str]]:
    """Leaves out names that would be written over an earlier one."""
    kept: list[tuple[float, float, str]] = []
    for x, y, name in labels:
        long = 0.012 * width * max(len(name), 8)
        if all(abs(x - a) > long or abs(y - b) > 0.04 * height for a, b, _ in kept):
            kept.append((x, y, name))
    return kept


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten among the doses, at most five; the ends where there is none."""
    first, last = math.ceil(math.log10(low) - 0.05), math.floor(math.log10(high) + 0.05)
    every = max(1, -(-(last - first + 1) // 5))
    return [10.0**power for power in range(first, last + 1, every)] or [low, high]
