"""Data of the figures of dose response, from the rows of the task.

Rows are those of `dose_response`; figures are those of `figures/dose.py`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gandl_jax import dose_unit
from gandl_jax.judging import curve_effects
from gandl_jax.judging.curve_effects import Row
from gandl_jax.tasks.curve import logistic
from gandl_jax.tasks.curve_shape import FALLS_AGAIN

ABSOLUTE = "absolute_ec50"  # as the keys of rows begin
NAMED = 8  # compounds with a name, the most potent

Points = tuple[list[float], list[float]]


def curve(row: Row) -> dict[str, Any]:
    """Returns the arguments of `figures.dose.curve` for a curve.

    Args:
      row: of the task `dose_response`.
    """
    points = [p for p in row["points"] if p["concentration_um"] > 0]
    amount = np.array([p["concentration_um"] for p in points], float)
    response = np.array([p["response"] for p in points], float)
    doses = np.unique(amount)
    means = [float(response[amount == d].mean()) for d in doses]
    fitted = row["ec50_um"] is not None
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    span = (low or 0.0, row["ec50_um"], math.inf if high is None else high)
    return {
        "wells": (amount.tolist(), response.tolist()),
        "means": (doses.tolist(), means),
        "fit": fitted_curve(row, doses) if fitted else None,
        "ec50_um": span if fitted or row.get("ec50_bound") else None,
        "absolute_ec50_um": _absolute_span(row),
        "best_dose_um": _best_dose(row),
        "controls": _controls(row),
        "unit": dose_unit.named_in(row),
    }


def response_limits(data: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Returns the ends of the common response axis of several curves.

    They enclose 1 to 99 % of the wells: one stray well does not flatten them all.

    Args:
      data: of each curve, as `curve` returns it.
    """
    wells = [value for curve_data in data for value in curve_data["wells"][1]]
    means = [value for curve_data in data for value in curve_data["means"][1]]
    ranges = [
        v
        for curve_data in data
        for bars in curve_data["controls"].values()
        for v in bars
    ]
    shown = [*np.percentile(wells, (1, 99)), *means, *ranges, 0.0, 1.0]
    margin = 0.06 * (max(shown) - min(shown))
    return min(shown) - margin, max(shown) + margin


def with_effects(rows: Iterable[Row]) -> list[Row]:
    """Returns the curves with a rescue and a side effect."""
    keys = "rescue", "side_effect"
    return [
        r for r in rows if not any(curve_effects.is_missing(r.get(key)) for key in keys)
    ]


def compounds(
    rows: Sequence[Row],
) -> tuple[dict[str, Points], list[tuple[float, float, str]], tuple]:
    """Returns the arguments of `figures.dose.compounds`.

    Args:
      rows: ranked, as `with_effects` returns them.

    Returns:
      Effect to (side effects, rescues); (side effect, rescue, name) of the most potent
      that rise; ends of both axes.
    """
    effects = [curve_effects.effect(row) for row in rows]
    points: dict[str, Points] = {}
    for effect in reversed(curve_effects.EFFECTS):
        effect_rows = [
            row
            for row, row_effect in zip(rows, effects, strict=True)
            if row_effect == effect
        ]
        if effect_rows:
            points[effect] = tuple(
                [row[key] for row in effect_rows] for key in ("side_effect", "rescue")
            )
    first: dict[str, Row] = {}  # of a compound in several experiments the most potent
    for row in filter(curve_effects.rises, rows):
        first.setdefault(row["treatment"], row)
    labels = [
        (row["side_effect"], row["rescue"], name)
        for name, row in list(first.items())[:NAMED]
    ]
    limits = (_limits([row[key] for row in rows]) for key in ("side_effect", "rescue"))
    return points, labels, tuple(limits)


def fitted_curve(row: Row, doses: np.ndarray) -> tuple[list[float], list[float]]:
    """Returns points along the fitted curve over the doses.

    Args:
      row: of the task `dose_response`, with a fit.
      doses: [D] uM, ascending, above 0.

    Returns:
      (dose [61] uM, response [61]).
    """
    amount = np.geomspace(doses[0], doses[-1], 61)
    parameters = (row[key] for key in ("bottom", "top", "ec50_um", "slope"))
    return amount.tolist(), logistic(amount, *parameters).tolist()


def _absolute_span(row: Row) -> tuple[float, float | None, float] | None:
    value, low, high = (row.get(f"{ABSOLUTE}{end}_um") for end in ("", "_low", "_high"))
    if value is None and not row.get(f"{ABSOLUTE}_bound"):
        return None
    return low or 0.0, value, math.inf if high is None else high


def _best_dose(row: Row) -> tuple[float, float, float] | None:
    if curve_effects.misfit(row) != FALLS_AGAIN:
        return None
    keys = ("best_dose_low_um", "best_dose_um", "best_dose_high_um")
    return tuple(row[key] for key in keys)


def _controls(row: Row) -> dict[str, tuple[float, float, float]]:
    """Returns the range of the control wells: 5 %, median, 95 %."""
    ranges = {}
    for name, values in sorted(row["controls"].items()):
        if isinstance(values, dict):
            if values:
                ranges[name] = (values["low"], values["middle"], values["high"])
        elif len(values):
            ranges[name] = tuple(np.percentile(values, (5, 50, 95)).tolist())
    return ranges


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Returns ends of an axis that shows 0, 1 and all but the farthest percent."""
    low, high = np.percentile(values, (1, 99))
    low, high = min(low, 0.0), max(high, 1.0)
    margin = 0.05 * (high - low)
    return low - margin, high + margin
