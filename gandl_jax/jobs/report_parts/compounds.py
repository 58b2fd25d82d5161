"""The report's compounds: what each does, in words, as a table and as a figure."""

from collections.abc import Sequence

import numpy as np

from gandl_jax.figures import dose, style
from gandl_jax.jobs.report_parts import findings, page
from gandl_jax.jobs.report_parts.kinds import Row
from gandl_jax.jobs.report_parts.page import Html

BEST = 8  # rescues on the first page
FEWEST = 3  # points that make a figure
NAMED = 8  # compounds with a name, where they are the most potent


def best(rows: Sequence[Row]) -> Html:
    """The table of the rescues at the top of the page.

    Args:
      rows: ranked rows of dose response of one feature set.
    """
    up = [row for row in rows if findings.rises(row)]
    if not up:
        return page.tag("p", "No compound leads toward the wanted state.")
    header = ("Compound", "Cells", "EC50", "Rescue", "Side effect")
    parts = [
        page.table(
            header,
            (
                (
                    page.tag("b", row["treatment"]),
                    where(row),
                    _ec50(row),
                    score(row, "rescue"),
                    score(row, "side_effect"),
                )
                for row in up[:BEST]
            ),
            "dose_response",
        )
    ]
    words = (
        f"{_order(up)} Rescue at the highest dose: 0 as without effect, 1 as in the "
        "wanted state. Side effect: how far the wells lie off that way; 0 as control "
        "wells do. Small: 95 % intervals."
    )
    if len(up) > BEST:
        words += f" {len(up) - BEST} more rise: see the curves below."
    return page.join([*parts, page.tag("p", words, class_="note")])


def _order(up: Sequence[Row]) -> str:
    """Says in which order the rescues stand."""
    words = "In order of EC50"
    if any(row.get("ec50_bound") for row in up):
        words += ", measured ones before those of which only a bound is known"
    if any(not findings.full(row) for row in up):
        words += "; rescues of less than half way last"
    return words + "."


def figure(rows: Sequence[Row], name: str) -> Html | None:
    """Rescue against side effect, a point per curve.

    Args:
      rows: ranked rows of dose response of one feature set.
      name: unique within the page.
    """
    known = [
        row
        for row in rows
        if not findings.bad(row.get("rescue"))
        and not findings.bad(row.get("side_effect"))
    ]
    if len(known) < FEWEST:
        return None
    points = {
        kind: (
            [row["side_effect"] for row in known if findings.effect(row) == kind],
            [row["rescue"] for row in known if findings.effect(row) == kind],
        )
        for kind in reversed(dose.COMPOUNDS)
    }
    first: dict[str, Row] = {}  # of a compound in several experiments the most potent
    for row in filter(findings.rises, known):
        first.setdefault(row["treatment"], row)
    labels = [
        (row["side_effect"], row["rescue"], name)
        for name, row in list(first.items())[:NAMED]
    ]
    limits = tuple(
        _limits([row[key] for row in known]) for key in ("side_effect", "rescue")
    )
    shown = {kind: those for kind, those in points.items() if those[0]}
    svg = style.to_svg(
        dose.compounds(shown, labels, limits),
        page.anchor(name),
        "Rescue against side effect at the highest dose; the table has the numbers",
    )
    caption = (
        "Each point is a compound in one experiment at its highest dose. Upper left: "
        "cells as in the wanted state and no other change. Points beyond the axes lie "
        "at their edge."
    )
    plot = page.figure(Html(svg), caption)
    return page.tag("div", plot, class_="pair")


def where(row: Row) -> str:
    """The cells and the experiment; RxRx19a's experiments are named for the cells."""
    group, experiment = row["group"], row["experiment"]
    if group == "all":
        return str(experiment)
    return str(experiment) if group in str(experiment) else f"{group}, {experiment}"


def potency(row: Row) -> str:
    """The EC50 with its interval or its bound, else why there is none."""
    if row.get("ec50_bound"):
        return f"EC50 {bound(row)}"
    if row["ec50_um"] is None:
        return row["status"]
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    span = page.dose_interval(row["ec50_um"], low, high)
    return f"EC50 {page.dose(row['ec50_um'])} ({span})"


def bound(row: Row) -> str:
    """The limit that is known of an EC50: it lies above or below the doses."""
    above = row["ec50_bound"] == "above"
    limit = row["ec50_low_um" if above else "ec50_high_um"]
    sign = ">" if above else "<"
    return f"{sign}\N{NO-BREAK SPACE}{page.dose(limit)}"


def score(row: Row, key: str) -> Html:
    """`rescue` or `side_effect` with its interval."""
    value, low, high = (row.get(k) for k in (key, f"{key}_low", f"{key}_high"))
    if value is not None and low is None and high is None:
        return page.text(page.number(value, ".2f"))
    return page.interval(value, low, high, ".2f")


def _ec50(row: Row) -> Html:
    if row.get("ec50_bound"):
        return page.text(bound(row))
    um, low, high = row["ec50_um"], row["ec50_low_um"], row["ec50_high_um"]
    span = page.tag("small", page.dose_interval(um, low, high))
    return page.join([page.dose(um), span])


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Of an axis: 0 and 1, and all but the farthest percent."""
    low, high = np.percentile(values, (1, 99))
    low, high = min(low, 0.0), max(high, 1.0)
    margin = 0.05 * (high - low)
    return low - margin, high + margin
