"""Calls on a set's curves, and doubts about each.

Three tests are made of every curve: of an effect, of a fall after the rise, and of lack
of fit. Each is held to its own false-discovery rate over the curves of the set. An EC50
of a curve that does not fit is not given.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from gandl_jax import dose_unit
from gandl_jax.tasks import curve
from gandl_jax.tasks.curve_shape import FALLS_AGAIN, NO_CURVE_FITS

Row = dict[str, Any]

MAX_Q = 0.05  # false share of the calls in a set, for each of the tests
MIN_R2 = 0.5  # of the wells; less leaves most of their scatter unexplained (ours)
BEYOND = 1.25  # a response that is surely higher is beyond the wanted state (ours)
ONE_STEP = 0.8  # of a rise between two doses, which hide its position (ours)
_TESTS = ("effect", "falls_again", "lack_of_fit")
_CURVE_FIELDS = (
    "ec50_um", "ec50_low_um", "ec50_high_um", "ec50_bound", "absolute_ec50_um",
    "absolute_ec50_low_um", "absolute_ec50_high_um", "absolute_ec50_bound", "slope",
    "bottom", "top",
)  # fmt: skip
_ENDS = ("", "_low", "_high")


def call(rows: list[Row]) -> list[Row]:
    """Adds q-values, calls and doubts to each curve, in place.

    Args:
      rows: of one set, with the fields of `curve.Curve` and `curve_shape.Shape`,
        `points`, and `candidates` and `stray_well`, which are removed.

    Returns:
      The rows with `q_effect`, `q_falls_again` and `q_lack_of_fit` by Benjamini and
      Hochberg (1995), with `doubts`, and with the status after the calls.
    """
    for test in _TESTS:
        _add_q(rows, f"p_{test}", f"q_{test}")
    for row in rows:
        candidates, stray = row.pop("candidates"), row.pop("stray_well")
        if FALLS_AGAIN in candidates and row["q_falls_again"] < MAX_Q:
            _withhold(row, _falls_again(row))
        elif NO_CURVE_FITS in candidates and row["q_lack_of_fit"] < MAX_Q:
            _withhold(row, _no_curve_fits(row))
        elif row["q_effect"] is not None and row["q_effect"] >= MAX_Q:
            _flatten(row)
        row["doubts"] = list(_doubts(row, stray))
    return rows


def _add_q(rows: Sequence[Row], p: str, q: str) -> None:
    tested = [row for row in rows if row[p] is not None]
    values = stats.false_discovery_control([r[p] for r in tested]) if tested else []
    for row in rows:
        row[q] = None
    for row, value in zip(tested, values, strict=True):
        row[q] = float(value)


def _flatten(row: Row) -> None:
    """Makes a curve flat that is not called an effect."""
    response = [point["response"] for point in row["points"]]
    flat = dataclasses.asdict(curve.no_effect(response, row["p_effect"]))
    rescue_fields = ("rescue", "rescue_low", "rescue_high")
    row |= {key: value for key, value in flat.items() if key not in rescue_fields}


def _withhold(row: Row, status: str) -> None:
    """Removes the fields of the curve, and uses the dose means instead."""
    row |= dict.fromkeys(_CURVE_FIELDS)
    row["status"] = status
    row["response_at_highest_dose"] = row["mean_at_highest_dose"]
    row |= {f"rescue{end}": row[f"mean_at_highest_dose{end}"] for end in _ENDS}


def _falls_again(row: Row) -> str:
    return (
        f"{FALLS_AGAIN}: best at {row['best_dose_um']:.3g} {dose_unit.named_in(row)}, "
        f"where it is {_interval(row, 'peak')}, and {_interval(row, 'fall')} lower at "
        "the highest dose"
    )


def _no_curve_fits(row: Row) -> str:
    return (
        f"{NO_CURVE_FITS}: the doses' means lie {row['lack_of_fit']:.2f} from the "
        f"closest (root mean square; lack of fit, q {row['q_lack_of_fit']:.2g})"
    )


def _doubts(row: Row, stray: int | None) -> Iterator[str]:
    """Yields doubts about the reported curve."""
    if row["p_effect"] is None or row["status"].startswith(
        ("no effect", FALLS_AGAIN, NO_CURVE_FITS)
    ):
        return
    if stray is not None:
        point = row["points"][stray]
        yield (
            f"a curve fits all wells but {point['well']} of plate {point['plate']}, "
            "which may be a stray one"
        )
    elif _below(row["q_falls_again"]):
        yield (
            f"the response falls by {_interval(row, 'fall')} after its peak at "
            f"{row['best_dose_um']:.3g} {dose_unit.named_in(row)}"
        )
    elif _below(row["q_lack_of_fit"]):
        yield (
            f"the doses' means lie {row['lack_of_fit']:.2f} from the closest curve "
            f"(lack of fit, q {row['q_lack_of_fit']:.2g})"
        )
    if row["status"] == "fitted" and row["r2"] < MIN_R2:
        yield f"the curve explains {row['r2']:.0%} of the variance between wells"
    if row["rescue_low"] > BEYOND:
        yield f"rescue {_interval(row, 'rescue')} goes beyond the wanted state, 1"
    yield from _unseen(row)


def _unseen(row: Row) -> Iterator[str]:
    """Yields parts of the rise that no dose shows."""
    doses = np.unique([point["concentration_um"] for point in row["points"]])
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    if row["ec50_bound"] == "below" and high < doses[0]:
        yield "the rise is below the lowest dose: the bound rests on usual slopes"
    if row["ec50_bound"] == "above" and low > doses[-1]:
        yield "the rise is above the highest dose: the bound rests on usual slopes"
    if row["status"] != "fitted":
        return
    fitted = [row[key] for key in ("bottom", "top", "ec50_um", "slope")]
    steps = np.abs(np.diff(curve.logistic(doses, *fitted)))
    step = int(steps.argmax())
    if steps[step] >= ONE_STEP * abs(row["top"] - row["bottom"]):
        yield (
            f"all of the rise is between {doses[step]:.3g} and {doses[step + 1]:.3g} "
            f"{dose_unit.named_in(row)}, and no dose between them shows where"
        )


def _below(q: float | None) -> bool:
    return q is not None and q < MAX_Q


def _interval(row: Mapping[str, Any], key: str) -> str:
    value, low, high = (row[f"{key}{end}"] for end in _ENDS)
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"
