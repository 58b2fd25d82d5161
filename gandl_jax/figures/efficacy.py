"""Infection probability over the doses of a compound."""

from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.figure import Figure

from gandl_jax.dose_unit import MICROMOLAR
from gandl_jax.figures import style
from gandl_jax.figures.dose import name_doses

Dose = tuple[float, float, float | None, bool]  # uM, median, upper bound, effective
EFFECTIVE, OTHER = style.GREEN, style.INK


@matplotlib.rc_context(style.STYLE)
def curve(
    *,
    wells: tuple[Sequence[float], Sequence[float]],
    doses: Sequence[Dose],
    controls: Mapping[str, float],
    dose_limits_um: tuple[float, float],
    unit: str = MICROMOLAR,
) -> Figure:
    """Draws one compound: wells, medians, and bounds against one half.

    Args:
      wells: (dose [N] uM, infection probability [N]).
      doses: lowest first; a bound None is not drawn.
      controls: `response_0`, `response_1` -> median of its wells.
      dose_limits_um: lowest and highest dose of the axis, uM.
      unit: of all doses.

    Returns:
      One small panel.
    """
    figure, axes = style.panel(2.5, 1.9, left=0.15, bottom=0.21, top=0.97, right=0.98)
    low, high = dose_limits_um
    axes.set_xscale("log")
    axes.set_xlim(low / 1.6, high * 1.6)
    axes.set_ylim(-0.03, 1.03)
    axes.axhline(0.5, color=style.PALE, linewidth=0.8, linestyle="--", zorder=0)
    for name, median in controls.items():
        axes.axhline(median, color=style.CONTROLS[name], linewidth=0.8, zorder=0)
    axes.plot(*wells, "o", color=style.GREY, markersize=2.4, markeredgewidth=0)
    axes.plot([d[0] for d in doses], [d[1] for d in doses], color=style.BLUE)
    for dose, median, upper, is_effective in doses:
        colour = EFFECTIVE if is_effective else OTHER
        if upper is not None:
            axes.plot([dose, dose], [median, upper], color=colour, linewidth=1)
            axes.plot([dose], [upper], "_", color=colour, markersize=6)
        axes.plot([dose], [median], "D", color=colour, markersize=3.6)
    name_doses(axes, low, high, unit)
    axes.set_ylabel("infection probability", labelpad=1)
    return figure
