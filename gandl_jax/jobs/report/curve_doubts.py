"""Doubts about dose-response curves that a careful reader would have."""

import math
from collections.abc import Iterator, Sequence

from gandl_jax import dose_unit
from gandl_jax.jobs.report import compounds, findings, page
from gandl_jax.jobs.report.encoder_roles import Row
from gandl_jax.judging import curve_effects
from gandl_jax.tasks.curve_shape import FALLS_AGAIN, NO_CURVE_FITS

WIDE_FOLD = 10  # an EC50 interval that spans more than this pins down little
FEW_WELLS = 12  # two at each of six doses
MOST = 3  # curves whose doubts are told in one sentence
LARGE = 0.5  # a side effect of half the way between the controls


def side_effects(curves: Sequence[Row]) -> Iterator[str]:
    """Warns of rescues that change the cells in other ways, too."""
    rescues = [row for row in curves if curve_effects.rises(row)]
    known = [
        row for row in rescues if not curve_effects.is_missing(row.get("side_effect"))
    ]
    large = [row for row in known if row["side_effect"] >= LARGE]
    if large:
        sure = sum((row["side_effect_low"] or 0) > 0 for row in large)
        yield (
            f"{len(large)} of {len(known)} rescues come with a large side effect (half "
            f"of the way between the controls or more; {sure} with an interval above "
            f"0): {page.listing(row['treatment'] for row in large)}."
        )


def doubts(curves: Sequence[Row]) -> Iterator[str]:
    """Yields the other doubts about curves, a sentence each.

    Args:
      curves: rows of dose response of one feature set.
    """
    yield from _misfits(curves)
    yield from _widths(curves)
    too_near = {
        row["experiment"]: row.get("controls_too_near") or ""
        for row in curves
        if not findings.has_response(row)
    }
    if too_near:
        names = (
            f"{name} ({near})" if near else name for name, near in too_near.items()
        )
        yield (
            f"The controls of {page.listing(names)} are not told apart by wells that "
            "did not draw the axis between them: no response is given there."
        )
    rescued = {
        (row["treatment"], row["group"]) for row in curves if curve_effects.rises(row)
    }
    without_effect = {
        (r["treatment"], r["group"]) for r in curves if r["status"] == "no effect"
    }
    if rescued & without_effect:
        yield (
            "Experiments with the same cells disagree whether there is an effect: "
            f"{page.listing(sorted({name for name, _ in rescued & without_effect}))}."
        )
    wells = [row["wells"] for row in curves]
    if wells and min(wells) < FEW_WELLS:
        yield f"Some curves rest on few wells (the smallest on {min(wells)})."
    warnings = [text for row in curves for text in row.get("warnings") or ()]
    if warnings:
        count = page.count(len(warnings), "warning")
        yield f"{count} about single curves: {page.listing(warnings, 3)}."


def _misfits(curves: Sequence[Row]) -> Iterator[str]:
    """Warns of curves without an EC50, and of doubtful ones."""
    falling = [row for row in curves if curve_effects.misfit(row) == FALLS_AGAIN]
    if falling:
        names = page.listing(
            f"{row['treatment']} (best at "
            f"{page.dose(row['best_dose_um'], dose_unit.named_in(row))})"
            for row in falling
        )
        yield (
            f"{len(falling)} of {len(curves)} responses rise and fall again, so they "
            "have no EC50, and their rescue at the highest dose is not their best: "
            f"{names}."
        )
    unfitted = [row for row in curves if curve_effects.misfit(row) == NO_CURVE_FITS]
    if unfitted:
        yield (
            f"No curve fits {len(unfitted)} of {len(curves)} responses, which have no "
            f"EC50: {page.listing(row['treatment'] for row in unfitted)}."
        )
    doubted = [compounds.doubted_words(row) for row in curves if row.get("doubts")]
    if doubted:
        others = f"; and {len(doubted) - MOST} more" if len(doubted) > MOST else ""
        yield (
            f"There is something to doubt of {page.count(len(doubted), 'curve')}. "
            f"{'. '.join(doubted[:MOST])}{others}."
        )


def _widths(curves: Sequence[Row]) -> Iterator[str]:
    fitted = [row for row in curves if row["status"] == "fitted"]
    wide = [row for row in fitted if _fold(row) > WIDE_FOLD]
    if wide:
        yield (
            f"{len(wide)} of {len(fitted)} intervals of the relative EC50 span more "
            f"than a factor of {WIDE_FOLD}."
        )
    bounds = [row for row in curves if row.get("ec50_bound")]
    if bounds:
        yield (
            f"The relative EC50 of {len(bounds)} of {len(curves)} curves lies beyond "
            "the doses: only a bound of it is known."
        )


def _fold(row: Row) -> float:
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    open_end = (
        curve_effects.is_missing(low) or curve_effects.is_missing(high) or low <= 0
    )
    return math.inf if open_end else high / low
