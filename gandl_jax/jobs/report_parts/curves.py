"""The report's dose-response curves: which are shown, drawn and listed."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gandl_jax import figures
from gandl_jax.jobs.report_parts import findings, page
from gandl_jax.jobs.report_parts.findings import Row
from gandl_jax.jobs.report_parts.page import Html
from gandl_jax.tasks.curve import logistic

SHOWN = 24
LEGEND = (
    ("#777777", "●", "well"),
    (figures.INK, "◆", "mean of a dose"),
    (figures.BLUE, "—", "fitted curve"),
    (figures.ORANGE, "▮", "EC50 and 95 % interval"),
    (figures.CONTROLS["response_0"], "┃", "control wells without effect (response 0)"),
    (figures.CONTROLS["response_1"], "┃", "control wells in the wanted state (1)"),
)


def drawn(row: Row) -> dict[str, Any]:
    """What the figure of a curve shows, as arguments of `figures.dose_curve`.

    Args:
      row: of dose response.
    """
    points = [p for p in row["points"] if p["concentration_um"] > 0]
    dose = np.array([p["concentration_um"] for p in points], float)
    response = np.array([p["response"] for p in points], float)
    doses = np.unique(dose)
    means = [float(response[dose == d].mean()) for d in doses]
    fitted = row["ec50_um"] is not None
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    return {
        "wells": (dose.tolist(), response.tolist()),
        "means": (doses.tolist(), means),
        "curve": fitted_curve(row, doses) if fitted else None,
        "ec50_um": (
            (low or 0.0, row["ec50_um"], math.inf if high is None else high)
            if fitted
            else None
        ),
        "controls": {
            name: tuple(np.percentile(values, (5, 50, 95)).tolist())
            for name, values in sorted(row["controls"].items())
            if len(values)
        },
    }


def fitted_curve(row: Row, doses: np.ndarray) -> tuple[list[float], list[float]]:
    """Points along the fitted curve over the doses.

    Args:
      row: of dose response, with a fit.
      doses: [D] uM, ascending, above 0.

    Returns:
      (dose [61] uM, response [61]).
    """
    dose = np.geomspace(doses[0], doses[-1], 61)
    parameters = (row[key] for key in ("bottom", "top", "ec50_um", "slope"))
    return dose.tolist(), logistic(dose, *parameters).tolist()


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
    doses = [dose for one in data for dose in one["means"][0]]
    limits = {
        "dose_limits_um": (min(doses), max(doses)),
        "response_limits": _response_limits(data),
    }
    plots, points = [], []
    for i, (row, one) in enumerate(zip(rows, data, strict=False)):
        figure = figures.dose_curve(**one, **limits)
        svg = figures.to_svg(figure, f"{name}-{i}", _described(row))
        plots.append(page.figure(Html(svg), _caption(row)))
        points += _points(row, one)
    return page.join(
        [_key(), page.tag("div", page.join(plots), class_="curves")]
    ), points


def table(rows: Iterable[Row]) -> Html:
    """All curves with their numbers."""
    header = (
        "Treatment", "Cells", "Experiment", "EC50 (µM), 95 % interval", "Slope",
        "Bottom", "Top", "At the highest dose", "R² of wells", "R² of dose means",
        "q", "Wells", "Status",
    )  # fmt: skip
    return page.table(
        header,
        (
            (
                row["treatment"],
                row["group"],
                row["experiment"],
                page.interval(*map(page.rounded, _ec50(row)), "g"),
                page.number(row["slope"], ".2f"),
                page.number(row["bottom"], ".2f"),
                page.number(row["top"], ".2f"),
                page.number(row["response_at_highest_dose"], ".2f"),
                page.number(row["r2"], ".2f"),
                page.number(row["r2_dose_means"], ".2f"),
                page.number(row["q_effect"], ".2g"),
                row["wells"],
                row["status"],
            )
            for row in rows
        ),
    )


def best(rows: Iterable[Row]) -> list[str]:
    """The rescues in words, for the top of the page."""
    return [
        f"{row['treatment']} in {_where(row)}: {_potency(row)}, response "
        f"{row['response_at_highest_dose']:.2f} at the highest dose"
        for row in rows
        if findings.rises(row)
    ]


def _potency(row: Row) -> str:
    return f"EC50 {page.dose(*_ec50(row))}"


def _ec50(row: Row) -> tuple[float | None, float | None, float | None]:
    return row["ec50_um"], row["ec50_low_um"], row["ec50_high_um"]


def _where(row: Row) -> str:
    """The cells and the experiment; RxRx19a's experiments are named for the cells."""
    group, experiment = row["group"], row["experiment"]
    return experiment if group in experiment else f"{group}, {experiment}"


def _key() -> Html:
    """The legend of all panels."""
    entries = (
        page.tag("i", mark, style=f"color:{colour}") + f" {words}"
        for colour, mark, words in LEGEND
    )
    keys = page.join(page.tag("span", Html(entry), class_="key") for entry in entries)
    return page.tag("p", keys, class_="note")


def _described(row: Row) -> str:
    state = _potency(row) if row["status"] == "fitted" else row["status"]
    return f"Dose response of {row['treatment']} in {row['experiment']}: {state}"


def _caption(row: Row) -> Html:
    state = row["status"]
    if state == "fitted":
        state = f"{_potency(row)}, "
        state += f"R²\N{NO-BREAK SPACE}{page.number(row['r2'], '.2f')}"
    name = page.tag("b", row["treatment"])
    return page.join([name, _where(row), Html("<br>"), state])


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
    for shown in ("wells", "means", "curve"):
        for dose, response in zip(*(one[shown] or ((), ())), strict=True):
            yield base | {
                "shown": shown,
                "concentration_um": dose,
                "response": response,
            }
    for name, bars in one["controls"].items():
        for part, response in zip(("5 %", "median", "95 %"), bars, strict=True):
            yield base | {"shown": f"{name} {part}", "response": response}
