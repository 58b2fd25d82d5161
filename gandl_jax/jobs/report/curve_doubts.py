"""What a careful reader would hold against the dose-response curves."""

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
    """Rescuers that change the cells in other ways, too."""
    up = [row for row in curves if curve_effects.rises(row)]
    known = [row for row in up if not curve_effects.is_missing(row.get("side_effect"))]
    large = [row for row in known if row["side_effect"] >= LARGE]
    if large:
        sure = sum((row["side_effect_low"] or 0) > 0 for row in large)
        yield (
            f"{len(large)} of {len(known)} rescues come with a large side effect (half "
            f"of the way between the controls or more; {sure} with an interval above "
            f"0): {page.listing(row['treatment'] for row in large)}."
        )


def doubts(curves: Sequence[Row]) -> Iterator[str]:
    """The other doubts.

    Args:
      curves: rows of dose response of one feature set.
    """
    yield from _misfits(curves)
    yield from _widths(curves)
    lost = {
        row["experiment"]: row.get("controls_too_near") or ""
        for row in curves
        if not findings.apart(row)
    }
    if lost:
        names = (f"{name} ({near})" if near else name for name, near in lost.items())
        yield (
            f"The controls of {page.listing(names)} are not told apart by wells that "
            "did not draw the axis between them: no response is given there."
        )
    up = {
        (row["treatment"], row["group"]) for row in curves if curve_effects.rises(row)
    }
    flat = {(r["treatment"], r["group"]) for r in curves if r["status"] == "no effect"}
    if up & flat:
        yield (
            "Experiments with the same cells disagree whether there is an effect: "
            f"{page.listing(sorted({name for name, _ in up & flat}))}."
        )
    few = [row["wells"] for row in curves]
    if few and min(few) < FEW_WELLS:
        yield f"Some curves rest on few wells (the smallest on {min(few)})."
    told = [words for row in curves for words in row.get("warnings") or ()]
    if told:
        count = page.count(len(told), "warning")
        yield f"{count} about single curves: {page.listing(told, 3)}."


def _misfits(curves: Sequence[Row]) -> Iterator[str]:
    """Curves that no EC50 is given for, and those to doubt that have one."""
    back = [row for row in curves if curve_effects.misfit(row) == FALLS_AGAIN]
    if back:
        names = page.listing(
            f"{row['treatment']} (best at "
            f"{page.dose(row['best_dose_um'], dose_unit.named_in(row))})"
            for row in back
        )
        yield (
            f"{len(back)} of {len(curves)} responses rise and fall again, so they have "
            f"no EC50, and their rescue at the highest dose is not their best: {names}."
        )
    bad = [row for row in curves if curve_effects.misfit(row) == NO_CURVE_FITS]
    if bad:
        yield (
            f"No curve fits {len(bad)} of {len(curves)} responses, which have no EC50: "
            f"{page.listing(row['treatment'] for row in bad)}."
        )
    doubted = [compounds.doubted_words(row) for row in curves if row.get("doubts")]
    if doubted:
        more = f"; and {len(doubted) - MOST} more" if len(doubted) > MOST else ""
        yield (
            f"There is something to doubt of {page.count(len(doubted), 'curve')}. "
            f"{'. '.join(doubted[:MOST])}{more}."
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
