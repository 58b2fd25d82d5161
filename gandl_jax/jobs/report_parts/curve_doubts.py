"""What a careful reader would hold against the dose-response curves."""

import math
from collections.abc import Iterator, Sequence

from gandl_jax.jobs.report_parts import findings, page
from gandl_jax.jobs.report_parts.kinds import Row

WIDE_FOLD = 10  # an EC50 interval that spans more than this pins down little
FEW_WELLS = 12  # two at each of six doses
LARGE = 0.5  # a side effect of half the way between the controls


def side_effects(curves: Sequence[Row]) -> Iterator[str]:
    """Rescuers that change the cells in other ways, too."""
    up = [row for row in curves if findings.rises(row)]
    known = [row for row in up if not findings.bad(row.get("side_effect"))]
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
    yield from _widths(curves)
    lost = [row["experiment"] for row in curves if not findings.apart(row)]
    if lost:
        yield (
            f"The controls of {page.listing(lost)} are not told apart by wells that "
            "did not draw the axis between them: no response is given there."
        )
    up = {(row["treatment"], row["group"]) for row in curves if findings.rises(row)}
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


def _widths(curves: Sequence[Row]) -> Iterator[str]:
    fitted = [row for row in curves if row["status"] == "fitted"]
    wide = [row for row in fitted if _fold(row) > WIDE_FOLD]
    if wide:
        yield (
            f"{len(wide)} of {len(fitted)} EC50 intervals span more than a factor of "
            f"{WIDE_FOLD}."
        )
    bounds = [row for row in curves if row.get("ec50_bound")]
    if bounds:
        yield (
            f"The EC50 of {len(bounds)} of {len(curves)} curves lies beyond the doses: "
            "only a bound of it is known."
        )


def _fold(row: Row) -> float:
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    open_end = findings.bad(low) or findings.bad(high) or low <= 0
    return math.inf if open_end else high / low
