"""Dose-response curves as aligned text: EC50s of every encoder side by side."""

import collections
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gandl_jax import dose_unit
from gandl_jax.tasks import marks
from gandl_jax.tasks.curve_shape import FALLS_AGAIN, NO_CURVE_FITS
from gandl_jax.tasks.score_table import aligned, columns

Row = Mapping[str, Any]

MAX_CURVES = 12
OUTCOMES = (  # outcomes for a compound, the most informative first
    "with an EC50",
    "with a bound alone",
    "that no EC50 is given for",
    "without an effect",
    "of which nothing is known",
)


def text(name: str, rows: Sequence[Row]) -> str:
    """Writes the curves with the highest R2 by any encoder.

    Curves that fall again or do not fit come after those with an EC50.

    Args:
      name: of the task.
      rows: of dose response.
    """
    encoders = columns(rows)
    lines: dict[tuple, dict[str, Row]] = {}
    for row in rows:
        key = (row["group"], row["experiment"], row["treatment"])
        lines.setdefault(key, {})[row["encoder"]] = row
    best = {
        key: max(map(_r2, row_by_encoder.values()))
        for key, row_by_encoder in lines.items()
    }
    fitted = sorted((key for key in lines if best[key]), key=lambda key: -best[key])
    misfits = [
        k for k in lines if k not in fitted and any(map(_misfit, lines[k].values()))
    ]
    shown = (*fitted, *misfits)[:MAX_CURVES]
    titles = ["cell model", "experiment", "treatment", *encoders]
    body = [
        [*key, *(_cell(lines[key].get(e)) for e in encoders.values())] for key in shown
    ]
    unit = dose_unit.named_in(rows[0])
    title = (
        f"{name}: {len(fitted)} of {len(lines)} compounds have an EC50 by some "
        "encoder; relative (half of the curve's own rise) and abs. (half way between "
        f"the controls), in {unit} [95 % interval], R2 over wells"
    )
    table = aligned([titles, *body]) if body else []
    hidden = [
        row_by_encoder for key, row_by_encoder in lines.items() if key not in shown
    ]
    more = *_doubts(lines, shown), *_hidden(hidden), *_too_near(rows)
    return "\n".join([title, *_misfits(lines), *table, *more])


def _hidden(lines: Sequence[Mapping[str, Row]]) -> list[str]:
    """Returns a line that counts the compounds that are not shown, by outcome."""
    counts = collections.Counter(
        min(map(_outcome, row_by_encoder.values()), key=OUTCOMES.index)
        for row_by_encoder in lines
    )
    counted = [
        f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome]
    ]
    return (
        [f"not shown: {', '.join(counted)}; the task's .csv has all"] if counted else []
    )


def _outcome(row: Row) -> str:
    """Returns the outcome for a compound by an encoder, one of OUTCOMES."""
    if row["status"] == "fitted":
        return OUTCOMES[0]
    if _misfit(row):
        return OUTCOMES[2]
    by_status = {"bound": OUTCOMES[1], "no effect": OUTCOMES[3]}
    return by_status.get(row["status"].partition(":")[0], OUTCOMES[4])


def _too_near(rows: Sequence[Row]) -> list[str]:
    """Returns a line for each encoder and experiment whose controls are too near."""
    distances = {
        (row["encoder"], row["experiment"]): row["controls_too_near"]
        for row in rows
        if row.get("controls_too_near")
    }
    return [
        f"{encoder}: the controls of {experiment} are {distance}, so it has no "
        "responses"
        for (encoder, experiment), distance in distances.items()
    ]


def _doubts(lines: Mapping[tuple, Mapping[str, Row]], shown: Iterable) -> list[str]:
    """Returns the doubts of the curves that have a star."""
    return [
        f"* {key[-1]}, {encoder}: {'; '.join(row['doubts'])}"
        for key in shown
        for encoder, row in lines[key].items()
        if row.get("doubts")
    ]


def _misfit(row: Row) -> str:
    """Names the reason to give no EC50: "falls again", "no curve fits"; else ""."""
    name = row["status"].partition(":")[0]
    return name if name in (FALLS_AGAIN, NO_CURVE_FITS) else ""


def _misfits(lines: Mapping[tuple, Mapping[str, Row]]) -> list[str]:
    """Returns a line that counts the compounds without an EC50, by reason."""
    reasons_of_lines = [
        {_misfit(row) for row in row_by_encoder.values()}
        for row_by_encoder in lines.values()
    ]
    counts = {
        reason: sum(reason in reasons for reasons in reasons_of_lines)
        for reason in (FALLS_AGAIN, NO_CURVE_FITS)
    }
    phrases = {FALLS_AGAIN: "rise and fall again", NO_CURVE_FITS: "fit no curve"}
    counted = [
        f"{count} {phrases[reason]}" for reason, count in counts.items() if count
    ]
    return (
        [f"by some encoder {', '.join(counted)}: no EC50 is given"] if counted else []
    )


def _r2(row: Row) -> float:
    return row["r2"] if row["status"] == "fitted" else 0.0


def _cell(row: Row | None) -> str:
    return "-" if row is None else marks.marked(_ec50(row), row)


def _ec50(row: Row) -> str:
    if _misfit(row) == FALLS_AGAIN:
        return (
            f"falls again: best at {row['best_dose_um']:.3g}, {_value(row, 'peak')}, "
            f"then down by {_value(row, 'fall')}"
        )
    star = " *" if row.get("doubts") else ""
    if row["status"] != "fitted":
        status = row["status"].removeprefix("bound: the ").removeprefix("relative ")
        return status.removeprefix("EC50 lies ").partition(":")[0] + star
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    falls = "falls, " if row.get("top", 1) < row.get("bottom", 0) else ""
    cell = f"{falls}{row['ec50_um']:.3g} [{low:.3g}, {high:.3g}]{_absolute(row)}"
    return f"{cell} R2 {row['r2']:.2f}{star}"


def _value(row: Row, key: str) -> str:
    value, low, high = (row[f"{key}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _absolute(row: Row) -> str:
    """Returns the absolute EC50 or its bound; nothing for rows without."""
    value, low, high = (
        row.get(f"absolute_ec50{end}_um") for end in ("", "_low", "_high")
    )
    bound = row.get("absolute_ec50_bound")
    if bound:
        return f", abs. {bound} {low if bound == 'above' else high:.3g}"
    if value is None:
        return ""
    ends = ("open" if end is None else f"{end:.3g}" for end in (low, high))
    return f", abs. {value:.3g} [{', '.join(ends)}]"
