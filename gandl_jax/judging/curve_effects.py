"""Effects of dose-response curves: rises, falls again, has no effect.

Rows are those of the task `dose_response`.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from gandl_jax.tasks.curve_shape import FALLS_AGAIN, NO_CURVE_FITS

Row = Mapping[str, Any]
EFFECTS = ("rises", FALLS_AGAIN, "falls", NO_CURVE_FITS, "no effect", "not told")
HALF_WAY = 0.5  # a rescue that gets less far toward the wanted state is partial


def is_missing(value: float | None) -> bool:
    """Tells whether there is no number."""
    return value is None or math.isnan(value)


def rises(row: Row) -> bool:
    """Tells whether the response goes up with the dose, toward the wanted state.

    A curve with only a bound of the EC50 counts if it is half way at the highest dose.
    """
    if row["status"] == "fitted":
        return (row["top"] - row["bottom"]) * row["slope"] > 0
    return bool(row.get("ec50_bound")) and full_score(row)


def full(row: Row) -> bool:
    """Tells whether a rise gets half way to the wanted state at a tested dose.

    The curve's top is of no use here: it may lie far beyond the doses.
    """
    return rises(row) and full_score(row)


def full_score(row: Row) -> bool:
    """Tells whether the wells at the highest dose lie half way or further."""
    reached = row.get("rescue")
    if is_missing(reached):
        reached = row["response_at_highest_dose"]
    return not is_missing(reached) and reached >= HALF_WAY


def falls(row: Row) -> bool:
    """Tells whether the response goes down with the dose."""
    return row["status"] == "fitted" and not rises(row)


def misfit(row: Row) -> str:
    """Names the reason to give no EC50: "falls again", "no curve fits"; else ""."""
    name = row["status"].partition(":")[0]
    return name if name in (FALLS_AGAIN, NO_CURVE_FITS) else ""


def effect(row: Row) -> str:
    """Returns the effect of a curve, one of EFFECTS."""
    if rises(row):
        return "rises"
    if falls(row):
        return "falls"
    if misfit(row):
        return misfit(row)
    return "no effect" if row["status"] == "no effect" else "not told"


def rank(rows: Iterable[Row]) -> list[Row]:
    """Orders curves: rescues at least half way, partial rescues, falling again, not fit
    by any curve, falling, unsure, flat.

    Within the rescues the most potent (lowest EC50) comes first; curves with only a
    bound of the EC50 come after those with a measured one.

    Args:
      rows: rows of dose response of one feature set.
    """
    order = {FALLS_AGAIN: 2, NO_CURVE_FITS: 3}
    order |= {"falls": 4, "not told": 5, "no effect": 6}

    def sort_key(row: Row) -> tuple:
        if rises(row):
            is_partial, is_bound = not full(row), bool(row.get("ec50_bound"))
            return (int(is_partial), is_bound, _potency(row), row["treatment"])
        return (order[effect(row)], False, 0.0, row["treatment"])

    return sorted(rows, key=sort_key)


def _potency(row: Row) -> float:
    """Returns the EC50, or the known bound of it, for sorting."""
    for key in ("ec50_um", "ec50_high_um", "ec50_low_um"):
        if not is_missing(row[key]):
            return row[key]
    return math.inf
