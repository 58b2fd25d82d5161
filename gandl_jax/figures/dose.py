"""Dose-response curves, and what compounds do beside rescuing."""

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
COMPOUNDS = {  # what a curve does -> colour, marker
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
    """Draws one dose-response curve; the controls stand left of the doses.

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
        marker at the value where there is one.
      best_dose_um: (low, value, high) in uM of a response that falls again, or None.
      unit: of all doses, where it is not uM.

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
    """Names a logarithmic axis of doses, lowest to highest, and its decades."""
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
    """Draws what compounds do: rescue upwards, side effect to the right.

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
    for kind, (side, rescue) in points.items():
        colour, marker = COMPOUNDS[kind]
        x = [min(max(v, left), right) for v in side]
        y = [min(max(v, bottom), top) for v in rescue]
        axes.plot(
            x, y, marker, color=colour, markersize=4, label=kind, markeredgewidth=0.7,
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
    """Writes names beside their points, a line to each that had to go farther.

    A name goes to the nearest place within the axes where no name is yet, of those
    on the fewest points; one for which there is none is left out.
    """
    box = axes.get_window_extent()
    point = axes.figure.dpi / 72  # pixels
    width, height = box.width / point, box.height / point
    to_points = axes.transData.transform

    def placed(x: Sequence[float], y: Sequence[float]) -> np.ndarray:
        found = (to_points(np.column_stack([x, y])) - (box.x0, box.y0)) / point
        return np.clip(found, 0, (width, height))

    every = np.concatenate([placed(*those) for those in points.values()])
    taken: list[tuple[float, float, float, float]] = []
    # From the top down, so that the lines cross no more than they must.
    for x, y, label in sorted(labels, key=lambda one: -one[1]):
        name = shortened(label, LONGEST)
        (at,) = placed([x], [y])
        size = 0.62 * NAME_SIZE * len(name) + 2, 1.3 * NAME_SIZE
        found = [(at[0] + dx, at[1] + dy) for dx, dy in _offsets(size)]
        free = [
            one
            for one in found
            if 0 <= one[0] <= width - size[0]
            and 0 <= one[1] <= height - size[1]
            and not any(_overlap(one, size, other) for other in taken)
        ]
        if not free:
            continue
        best = min(free, key=lambda one: _covered(one, size, every))
        taken.append((*best, *size))
        far = abs(best[1] - at[1]) > 2 * NAME_SIZE or best[0] - at[0] > 2 * NAME_SIZE
        line = {"arrowstyle": "-", "color": style.GREY, "linewidth": 0.5, "shrinkB": 2}
        axes.annotate(
            name, at, xycoords="axes points", xytext=(best[0] + 1, best[1] + 2),
            textcoords="axes points", fontsize=NAME_SIZE, parse_math=False,
            arrowprops=line | {"shrinkA": 0, "relpos": (0, 0.5)} if far else None,
        )  # fmt: skip


def _offsets(size: tuple[float, float]) -> list[tuple[float, float]]:
    """Places of a name beside its point, the nearest first, in points."""
    rows = [size[1] * k for k in range(-12, 13)]
    right = [(dx, dy - size[1] / 2) for dx in (4, 30) for dy in rows]
    left = [(-size[0] - 4, dy - size[1] / 2) for dy in rows[11:14]]
    return sorted([*right, *left], key=lambda one: math.hypot(max(one[0], 0), one[1]))


def _overlap(one, size, other: tuple[float, float, float, float]) -> bool:
    x, y, width, height = other
    across = one[0] < x + width and x < one[0] + size[0]
    return across and one[1] < y + height and y < one[1] + size[1]


def _covered(one, size, points: np.ndarray) -> int:
    """How many points a name would be written over; a marker is 4 points wide."""
    inside = (points > np.array(one) - 2) & (points < np.array(one) + size + 2)
    return int(inside.all(axis=1).sum())


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten among the doses, at most five; the ends where there is none."""
    first, last = math.ceil(math.log10(low) - 0.05), math.floor(math.log10(high) + 0.05)
    every = max(1, -(-(last - first + 1) // 5))
    return [10.0**power for power in range(first, last + 1, every)] or [low, high]
