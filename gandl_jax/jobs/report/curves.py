"""The report's dose-response curves: which are shown, drawn and listed."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gandl_jax.figures import dose, style
from gandl_jax.jobs.report import compounds, findings, page, scores
from gandl_jax.jobs.report.encoder_roles import Row
from gandl_jax.jobs.report.page import Html
from gandl_jax.tasks import marks
from gandl_jax.tasks.curve import logistic
from gandl_jax.tasks.curve_shape import FALLS_AGAIN

SHOWN = 24
LEGEND = (
    (style.GREY, "●", "well"),
    (style.INK, "◆", "mean of a dose"),
    (style.BLUE, "—", "fitted curve"),
    (
        style.ORANGE,
        "▮",
        "relative EC50, 95 % interval; hatched if only a bound is known",
    ),
    (style.PURPLE, "—", "absolute EC50, 95 % interval"),
    (style.GREEN, "▮", "best dose of a response that falls again, 95 % interval"),
    (style.CONTROLS["response_0"], "┃", "control wells without effect (0)"),
    (style.CONTROLS["response_1"], "┃", "control wells in the wanted state (1)"),
)


def section(dataset: str, role: str, rows: Sequence[Row], plots: Html) -> Html:
    """The chapter of a screen's dose-response curves.

    Args:
      dataset: the screen.
      role: of the encoder whose curves are shown.
      rows: ranked rows of dose response of one feature set.
      plots: as `panels` returns.
    """
    note = ["Numbers:", page.data_link("dose_response"), page.data_link("dose_curves")]
    return page.section(
        "curves",
        "Which dose does what?",
        page.tag(
            "p",
            f"From the set {marks.told(rows[0]['set'], rows[0])} ({role}). 0 is the "
            "mean of the controls without effect, 1 that of the controls in the "
            "wanted state. Rescues that go at least half way come first, the most "
            "potent in front and those of which only a bound of the EC50 is known "
            f"after them; {SHOWN} curves at most are drawn. The relative EC50 is half "
            "way up a curve's own rise, the absolute one half way between the controls "
            "(0.5): beyond the highest dose where that is not reached. A response that "
            "rises and falls again, or that no curve fits, has no EC50. Stray wells "
            "may lie outside the axes.",
        ),
        plots,
        page.details(f"All curves ({len(rows):,})", table(rows)),
        page.tag("p", page.join(note), class_="note"),
        of=dataset,
    )


def drawn(row: Row) -> dict[str, Any]:
    """What the figure of a curve shows, as arguments of `figures.dose.curve`.

    Args:
      row: of dose response.
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
    }


def _absolute_span(row: Row) -> tuple[float, float | None, float] | None:
    value, low, high = (
        row.get(f"{compounds.ABSOLUTE}{end}_um") for end in ("", "_low", "_high")
    )
    if value is None and not row.get(f"{compounds.ABSOLUTE}_bound"):
        return None
    return low or 0.0, value, math.inf if high is None else high


def _best_dose(row: Row) -> tuple[float, float, float] | None:
    if findings.misfit(row) != FALLS_AGAIN:
        return None
    keys = ("best_dose_low_um", "best_dose_um", "best_dose_high_um")
    return tuple(row[key] for key in keys)


def fitted_curve(row: Row, doses: np.ndarray) -> tuple[list[float], list[float]]:
    """Points along the fitted curve over the doses.

    Args:
      row: of dose response, with a fit.
      doses: [D] uM, ascending, above 0.

    Returns:
      (dose [61] uM, response [61]).
    """
    amount = np.geomspace(doses[0], doses[-1], 61)
    parameters = (row[key] for key in ("bottom", "top", "ec50_um", "slope"))
    return amount.tolist(), logistic(amount, *parameters).tolist()


def panels(rows: Sequence[Row], name: str) -> tuple[Html, list[dict[str, Any]]]:
    """Small multiples of the first `SHOWN` curves, all with the same axes.

    Args:
      rows: ranked rows of dose response; those without a dose are left out.
      name: unique within the page.

    Returns:
      The figures, and every point in them.
    """
    rows = [row for row in rows if any(p["concentration_um"] for p in row["points"])]
    data = [drawn(row) for row in rows[:SHOWN]]
    if not data:
        return page.join([]), []
    doses = [amount for one in data for amount in one["means"][0]]
    limits = {
        "dose_limits_um": (min(doses), max(doses)),
        "response_limits": _response_limits(data),
    }
    plots, points = [], []
    for i, (row, one) in enumerate(zip(rows, data, strict=False)):
        figure = dose.curve(**one, **limits)
        words = f"Dose response of {row['treatment']} in {compounds.where(row)}"
        title = f"{words}: {compounds.potency(row)}"
        svg = style.to_svg(figure, page.anchor(f"{name}-{i}"), title)
        plots.append(page.figure(Html(svg), _caption(row)))
        points += _points(row, one)
    return page.join(
        [page.legend(LEGEND), page.tag("div", page.join(plots), class_="curves")]
    ), points


def table(rows: Iterable[Row]) -> Html:
    """All curves with their numbers."""
    header = (
        "Treatment", "Cells", "Experiment", "Relative EC50 (µM)", "Absolute EC50 (µM)",
        "Rescue at the highest dose", "Side effect there", "Slope", "Bottom", "Top",
        "R² of wells", "R² of dose means", "q", "Best dose (µM)", "Peak",
        "Fall after it", "q of the fall", "q of lack of fit", "Wells", "Status",
        "Doubts",
    )  # fmt: skip
    return page.table(
        header,
        (
            (
                scores.marked(row["treatment"], row),
                row["group"],
                row["experiment"],
                _ec50(row),
                _ec50(row, compounds.ABSOLUTE),
                compounds.score(row, "rescue"),
                compounds.score(row, "side_effect"),
                page.number(row["slope"], ".2f"),
                page.number(row["bottom"], ".2f"),
                page.number(row["top"], ".2f"),
                page.number(row["r2"], ".2f"),
                page.number(row["r2_dose_means"], ".2f"),
                page.number(row["q_effect"], ".2g"),
                _um(row, "best_dose"),
                compounds.score(row, "peak"),
                compounds.score(row, "fall"),
                page.number(row.get("q_falls_again"), ".2g"),
                page.number(row.get("q_lack_of_fit"), ".2g"),
                row["wells"],
                row["status"],
                "; ".join(row.get("doubts", ())),
            )
            for row in rows
        ),
        "dose_response",
    )


def _ec50(row: Row, name: str = compounds.RELATIVE) -> Html:
    if row.get(f"{name}_bound"):
        return page.text(compounds.bound(row, name))
    return _um(row, name)


def _um(row: Row, name: str) -> Html:
    numbers = (row.get(f"{name}{end}_um") for end in ("", "_low", "_high"))
    return page.interval(*map(page.rounded, numbers), "g")


def _controls(row: Row) -> dict[str, tuple[float, float, float]]:
    """Range of the control wells: 5 %, median, 95 %."""
    found = {}
    for name, values in sorted(row["controls"].items()):
        if isinstance(values, dict):
            if values:
                found[name] = (values["low"], values["middle"], values["high"])
        elif len(values):
            found[name] = tuple(np.percentile(values, (5, 50, 95)).tolist())
    return found


def _caption(row: Row) -> Html:
    state = compounds.potency(row)
    if row["status"] == "fitted":
        state += f", R²\N{NO-BREAK SPACE}{page.number(row['r2'], '.2f')}"
    if not findings.bad(row.get("rescue")) and row["status"] != "no effect":
        state += f"; rescue {row['rescue']:.2f}".replace("-", "−")
        if not findings.bad(row.get("side_effect")):
            state += f", side effect {row['side_effect']:.2f}".replace("-", "−")
    if row.get("doubts"):
        state += f". Doubtful: {'; '.join(row['doubts'])}"
    name = scores.marked(page.tag("b", row["treatment"]), row)
    return page.join([name, compounds.where(row), Html("<br>"), state])


def _response_limits(data: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """From 1 to 99 % of the wells, so that one stray well does not flatten them all."""
    wells = [value for one in data for value in one["wells"][1]]
    means = [value for one in data for value in one["means"][1]]
    ranges = [v for one in data for bars in one["controls"].values() for v in bars]
    seen = [*np.percentile(wells, (1, 99)), *means, *ranges, 0.0, 1.0]
    margin = 0.06 * (max(seen) - min(seen))
    return min(seen) - margin, max(seen) + margin


def _points(row: Row, one: dict[str, Any]) -> Iterable[dict[str, Any]]:
    base = {key: row[key] for key in ("set", "treatment", "group", "experiment")}
    base |= {marks.LABELS: row.get(marks.LABELS)}
    for shown in ("wells", "means", "fit"):
        for amount, response in zip(*(one[shown] or ((), ())), strict=True):
            yield base | {
                "shown": shown,
                "concentration_um": amount,
                "response": response,
            }
    for name, bars in one["controls"].items():
        for part, response in zip(("5 %", "median", "95 %"), bars, strict=True):
            yield base | {"shown": f"{name} {part}", "response": response}
