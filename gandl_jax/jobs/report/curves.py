"""Dose-response curves of the report: which are shown, drawn and listed."""

from collections.abc import Iterable, Sequence
from typing import Any

from gandl_jax import dose_unit
from gandl_jax.figures import dose, style
from gandl_jax.jobs.report import compounds, page, scores
from gandl_jax.jobs.report.encoder_roles import Row
from gandl_jax.jobs.report.page import Html
from gandl_jax.judging import curve_effects, drawn_doses
from gandl_jax.tasks import marks

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
    """Builds the chapter of a screen's dose-response curves.

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
            f"From the set {marks.marked(rows[0]['set'], rows[0])} ({role}). 0 is the "
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


def panels(rows: Sequence[Row], name: str) -> tuple[Html, list[dict[str, Any]]]:
    """Draws small multiples of the first `SHOWN` curves, all with the same axes.

    Args:
      rows: ranked rows of dose response; those without a dose are left out.
      name: unique within the page.

    Returns:
      The figures, and every point in them.
    """
    rows = [row for row in rows if any(p["concentration_um"] for p in row["points"])]
    drawn = [drawn_doses.curve(row) for row in rows[:SHOWN]]
    if not drawn:
        return page.join([]), []
    doses = [amount for curve in drawn for amount in curve["means"][0]]
    limits = {
        "dose_limits_um": (min(doses), max(doses)),
        "response_limits": drawn_doses.response_limits(drawn),
    }
    plots, points = [], []
    for number, (row, curve) in enumerate(zip(rows, drawn, strict=False)):
        figure = dose.curve(**curve, **limits)
        curve_name = f"Dose response of {row['treatment']} in {compounds.where(row)}"
        title = f"{curve_name}: {compounds.potency(row)}"
        svg = style.to_svg(figure, page.anchor(f"{name}-{number}"), title)
        plots.append(page.figure(Html(svg), _caption(row)))
        points += _points(row, curve)
    return page.join(
        [page.legend(LEGEND), page.tag("div", page.join(plots), class_="curves")]
    ), points


def table(rows: Iterable[Row]) -> Html:
    """Tabulates all curves with their numbers."""
    rows = list(rows)
    unit = dose_unit.shown(dose_unit.named_in(rows[0])) if rows else ""
    header = (
        "Treatment", "Cells", "Experiment", f"Relative EC50 ({unit})",
        f"Absolute EC50 ({unit})",
        "Rescue at the highest dose", "Side effect there", "Slope", "Bottom", "Top",
        "R² of wells", "R² of dose means", "q", f"Best dose ({unit})", "Peak",
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


def _caption(row: Row) -> Html:
    caption = compounds.potency(row)
    if row["status"] == "fitted":
        caption += f", R²\N{NO-BREAK SPACE}{page.number(row['r2'], '.2f')}"
    if not curve_effects.is_missing(row.get("rescue")) and row["status"] != "no effect":
        caption += f"; rescue {row['rescue']:.2f}".replace("-", "−")
        if not curve_effects.is_missing(row.get("side_effect")):
            caption += f", side effect {row['side_effect']:.2f}".replace("-", "−")
    if row.get("doubts"):
        caption += f". Doubtful: {'; '.join(row['doubts'])}"
    name = scores.marked(page.tag("b", row["treatment"]), row)
    return page.join([name, compounds.where(row), Html("<br>"), caption])


def _points(row: Row, curve: dict[str, Any]) -> Iterable[dict[str, Any]]:
    base = {key: row[key] for key in ("set", "treatment", "group", "experiment")}
    base |= {dose_unit.KEY: dose_unit.named_in(row)}
    base |= {marks.LABELS: row.get(marks.LABELS)}
    for layer in ("wells", "means", "fit"):
        for amount, response in zip(*(curve[layer] or ((), ())), strict=True):
            yield base | {
                "shown": layer,
                "concentration_um": amount,
                "response": response,
            }
    for name, bars in curve["controls"].items():
        for quantile, response in zip(("5 %", "median", "95 %"), bars, strict=True):
            yield base | {"shown": f"{name} {quantile}", "response": response}
