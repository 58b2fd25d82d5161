"""Dose-response curves, and rescue against side effect of compounds."""

import math
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gandl_jax import dose_unit
from gandl_jax.figures import style
from gandl_jax.names import shortened

Lines = tuple[Sequence[float], Sequence[float]]
COMPOUNDS = {  # effect of the dose -> colour, marker
    "rises": (style.BLUE, "o"),
    "falls again": (style.GREEN, "^"),
    "falls": (style.VERMILLION, "v"),
    "no curve fits": (style.PURPLE, "P"),
    "no effect": (style.PALE, "."),
    "not told": (style.GREY, "x"),
}
NAME_SIZE = 7  # of a compound's name, in points
LONGEST = 28  # letters of it; of a longer one both ends


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
    absolute_ec50_um: tuple[float, float | None, float] | None = None,
    best_dose_um: tuple[float, float, float] | None = None,
    unit: str = dose_unit.MICROMOLAR,
) -> Figure:
    """Draws one dose-response curve, with the controls left of the doses.

    Args:
      wells: (dose [N] uM, response [N]) of the wells; 0 is the untreated control's
        mean, 1 the wanted state's.
      means: (dose [D] uM, response [D]) of the doses.
      fit: (dose [M] uM, response [M]) of the fitted curve, or None.
      ec50_um: relative EC50 as (low, value, high) in uM, or None; low 0 and high
        infinity are drawn to the edge; a value None is a bound: the EC50 lies somewhere
        between.
      controls: `response_0`, `response_1` -> (low, middle, high) response.
      dose_limits_um: lowest and highest dose of the axis, uM.
      response_limits: lowest and highest response of the axis.
      absolute_ec50_um: (low, value, high) in uM, or None; drawn half way up, with a
        marker at the value, if it is known.
      best_dose_um: (low, value, high) in uM of a response that falls again, or None.
      unit: of all doses.

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
    if best_dose_um is not None:
        _best_dose(axes, best_dose_um)
    if absolute_ec50_um is not None:
        _absolute(axes, absolute_ec50_um, (low / 2, high * 1.6))
    axes.plot(*wells, "o", color=style.GREY, markersize=2.4, markeredgewidth=0)
    if fit is not None:
        axes.plot(*fit, color=style.BLUE)
    axes.plot(*means, "D", color=style.INK, markersize=3.6, markeredgewidth=0)
    for (name, (bottom, middle, top)), x in zip(
        controls.items(), (low / 8, low / 4.5), strict=False
    ):
        axes.plot([x, x], [bottom, top], color=style.CONTROLS[name], linewidth=2.5)
        axes.plot([x], [middle], "_", color=style.CONTROLS[name], markersize=8)
    name_doses(axes, low, high, unit)
    return figure


def name_doses(axes: Axes, low: float, high: float, unit: str) -> None:
    """Labels a logarithmic axis of doses, and its decades."""
    axes.set_xlabel(f"dose ({dose_unit.shown(unit)})", labelpad=1, parse_math=False)
    axes.set_xticks(_decades(low, high))
    axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axes.xaxis.set_minor_locator(ticker.NullLocator())


def _ec50(axes: Axes, ec50_um, limits: tuple[float, float]) -> None:
    left, middle, right = ec50_um
    edges = max(left, limits[0]), min(right, limits[1])
    if edges[0] < edges[1]:
        # A bound is no estimate: it is hatched, and has no line in its middle.
        hatch = {"hatch": "////"} if middle is None else {}
        axes.axvspan(*edges, color=style.ORANGE, alpha=0.22, linewidth=0, **hatch)
    if middle is not None and limits[0] <= middle <= limits[1]:
        axes.axvline(middle, color=style.ORANGE, linewidth=1)


def _absolute(axes: Axes, absolute_um, limits: tuple[float, float]) -> None:
    left, middle, right = absolute_um
    ends = [max(left, limits[0]), min(right, limits[1])]
    axes.plot(ends, [0.5, 0.5], color=style.PURPLE, linewidth=1.6)
    if middle is not None and limits[0] <= middle <= limits[1]:
        axes.plot([middle], [0.5], "|", color=style.PURPLE, markersize=7)


def _best_dose(axes: Axes, best_um: tuple[float, float, float]) -> None:
    low, best, high = best_um
    axes.axvspan(low / 1.15, high * 1.15, color=style.GREEN, alpha=0.18, linewidth=0)
    axes.axvline(best, color=style.GREEN, linewidth=1)


@matplotlib.rc_context(style.STYLE)
def compounds(
    points: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    labels: Sequence[tuple[float, float, str]],
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> Figure:
    """Draws the rescue of compounds (upwards) against their side effect.

    Args:
      points: a key of `COMPOUNDS` -> (side effect [N], rescue [N]).
      labels: (side effect, rescue, name) of the points that are named.
      limits: of the side effect and of the rescue.

    Returns:
      One panel. Points outside the limits are drawn at the edge.
    """
    figure, axes = style.panel(4.5, 3.4, left=0.12, bottom=0.14, top=0.84)
    (left, right), (bottom, top) = limits
    for level in (0, 1):
        axes.axhline(level, color=style.PALE, linewidth=0.6, zorder=0)
    axes.axvline(0, color=style.PALE, linewidth=0.6, zorder=0)
    for effect, (side, rescue) in points.items():
        colour, marker = COMPOUNDS[effect]
        x = [min(max(v, left), right) for v in side]
        y = [min(max(v, bottom), top) for v in rescue]
        axes.plot(
            x, y, marker, color=colour, markersize=4, label=effect, markeredgewidth=0.7,
            linestyle="", clip_on=False, alpha=0.85,
        )  # fmt: skip
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    _name(axes, points, labels)
    axes.set_xlabel("side effect at the highest dose")
    axes.set_ylabel("rescue at the highest dose")
    axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1.03), borderpad=0)
    return figure


def _name(axes: Axes, points, labels: Sequence[tuple[float, float, str]]) -> None:
    """Writes names beside their points, with a line to the distant ones.

    A name goes to the free position within the axes where it covers the fewest points,
    the nearest of several; without a free position it is left out.
    """
    window = axes.get_window_extent()
    scale = axes.figure.dpi / 72  # pixels per point
    width, height = window.width / scale, window.height / scale
    to_points = axes.transData.transform

    def in_points(x: Sequence[float], y: Sequence[float]) -> np.ndarray:
        positions = (
            to_points(np.column_stack([x, y])) - (window.x0, window.y0)
        ) / scale
        return np.clip(positions, 0, (width, height))

    markers = np.concatenate(
        [in_points(*coordinates) for coordinates in points.values()]
    )
    occupied: list[tuple[float, float, float, float]] = []
    # From the top down, so that few lines cross.
    for x, y, label in sorted(labels, key=lambda named: -named[1]):
        name = shortened(label, LONGEST)
        (marker,) = in_points([x], [y])
        size = 0.62 * NAME_SIZE * len(name) + 2, 1.3 * NAME_SIZE
        candidates = [(marker[0] + dx, marker[1] + dy) for dx, dy in _offsets(size)]
        free = [
            corner
            for corner in candidates
            if 0 <= corner[0] <= width - size[0]
            and 0 <= corner[1] <= height - size[1]
            and not any(_overlap(corner, size, box) for box in occupied)
        ]
        if not free:
            continue
        best = min(free, key=lambda corner: _covered(corner, size, markers))
        occupied.append((*best, *size))
        is_far = (
            abs(best[1] - marker[1]) > 2 * NAME_SIZE
            or best[0] - marker[0] > 2 * NAME_SIZE
        )
        line = {"arrowstyle": "-", "color": style.GREY, "linewidth": 0.5, "shrinkB": 2}
        axes.annotate(
            name, marker, xycoords="axes points", xytext=(best[0] + 1, best[1] + 2),
            textcoords="axes points", fontsize=NAME_SIZE, parse_math=False,
            arrowprops=line | {"shrinkA": 0, "relpos": (0, 0.5)} if is_far else None,
        )  # fmt: skip


def _offsets(size: tuple[float, float]) -> list[tuple[float, float]]:
    """Returns offsets of a name from its point, the nearest first, in points."""
    rows = [size[1] * k for k in range(-12, 13)]
    right = [(dx, dy - size[1] / 2) for dx in (4, 30) for dy in rows]
    left = [(-size[0] - 4, dy - size[1] / 2) for dy in rows[11:14]]
    return sorted(
        [*right, *left], key=lambda offset: math.hypot(max(offset[0], 0), offset[1])
    )


def _overlap(corner, size, box: tuple[float, float, float, float]) -> bool:
    x, y, width, height = box
    across = corner[0] < x + width and x < corner[0] + size[0]
    return across and corner[1] < y + height and y < corner[1] + size[1]


def _covered(corner, size, points: np.ndarray) -> int:
    """Counts the points that a name would cover; a marker is 4 points wide."""
    inside = (points > np.array(corner) - 2) & (points < np.array(corner) + size + 2)
    return int(inside.all(axis=1).sum())


def _decades(low: float, high: float) -> list[float]:
    """Returns the powers of ten among the doses, at most five; else both ends."""
    first, last = math.ceil(math.log10(low) - 0.05), math.floor(math.log10(high) + 0.05)
    step = max(1, -(-(last - first + 1) // 5))
    return [10.0**power for power in range(first, last + 1, step)] or [low, high]
