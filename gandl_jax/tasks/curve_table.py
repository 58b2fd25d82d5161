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
KINDS = (  # what is known of a compound, the most first
    "with an EC50",
    "with a bound alone",
    "that no EC50 is given for",
    "without an effect",
    "of which nothing is known",
)


def text(name: str, rows: Sequence[Row]) -> str:
    """The curves that explain most, in whichever encoder they do.

    What falls again or fits no curve comes after those with an EC50.

    Args:
      name: of the task.
      rows: of dose response.
    """
    encoders = columns(rows)
    lines: dict[tuple, dict[str, Row]] = {}
    for row in rows:
        key = (row["group"], row["experiment"], row["treatment"])
        lines.setdefault(key, {})[row["encoder"]] = row
    best = {key: max(map(_r2, found.values())) for key, found in lines.items()}
    fitted = sorted((key for key in lines if best[key]), key=lambda key: -best[key])
    others = [
        k for k in lines if k not in fitted and any(map(_misfit, lines[k].values()))
    ]
    shown = (*fitted, *others)[:MAX_CURVES]
    titles = ["cell model", "experiment", "treatment", *encoders]
    body = [
        [*key, *(_told(lines[key].get(e)) for e in encoders.values())] for key in shown
    ]
    unit = dose_unit.named_in(rows[0])
    title = (
        f"{name}: {len(fitted)} of {len(lines)} compounds have an EC50 by some "
        "encoder; relative (half of the curve's own rise) and abs. (half way between "
        f"the controls), in {unit} [95 % interval], R2 over wells"
    )
    table = aligned([titles, *body]) if body else []
    hidden = [found for key, found in lines.items() if key not in shown]
    more = *_doubts(lines, shown), *_hidden(hidden), *_too_near(rows)
    return "\n".join([title, *_misfits(lines), *table, *more])


def _hidden(lines: Sequence[Mapping[str, Row]]) -> list[str]:
    """A line that counts the compounds that are not shown, by what is known of them."""
    counts = collections.Counter(
        min(map(_kind, found.values()), key=KINDS.index) for found in lines
    )
    told = [f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]]
    return [f"not shown: {', '.join(told)}; the task's .csv has all"] if told else []


def _kind(row: Row) -> str:
    """What is known of a compound by an encoder, one of KINDS."""
    if row["status"] == "fitted":
        return KINDS[0]
    if _misfit(row):
        return KINDS[2]
    known = {"bound": KINDS[1], "no effect": KINDS[3]}
    return known.get(row["status"].partition(":")[0], KINDS[4])


def _too_near(rows: Sequence[Row]) -> list[str]:
    """A line for each encoder and experiment whose controls are not told apart."""
    found = {
        (row["encoder"], row["experiment"]): row["controls_too_near"]
        for row in rows
        if row.get("controls_too_near")
    }
    return [
        f"{encoder}: the controls of {experiment} are {near}, so it has no responses"
        for (encoder, experiment), near in found.items()
    ]


def _doubts(lines: Mapping[tuple, Mapping[str, Row]], shown: Iterable) -> list[str]:
    """What to doubt of the curves that have a star."""
    return [
        f"* {key[-1]}, {encoder}: {'; '.join(row['doubts'])}"
        for key in shown
        for encoder, row in lines[key].items()
        if row.get("doubts")
    ]


def _misfit(row: Row) -> str:
    """What no EC50 is given for: "falls again" or "no curve fits"; else ""."""
    name = row["status"].partition(":")[0]
    return name if name in (FALLS_AGAIN, NO_CURVE_FITS) else ""


def _misfits(lines: Mapping[tuple, Mapping[str, Row]]) -> list[str]:
    """A line that counts the compounds for which no EC50 can be given."""
    of_line = [{_misfit(row) for row in found.values()} for found in lines.values()]
    counts = {
        n: sum(n in names for names in of_line) for n in (FALLS_AGAIN, NO_CURVE_FITS)
    }
    words = {FALLS_AGAIN: "rise and fall again", NO_CURVE_FITS: "fit no curve"}
    told = [f"{count} {words[name]}" for name, count in counts.items() if count]
    return [f"by some encoder {', '.join(told)}: no EC50 is given"] if told else []


def _r2(row: Row) -> float:
    return row["r2"] if row["status"] == "fitted" else 0.0


def _told(row: Row | None) -> str:
    return "-" if row is None else marks.told(_ec50(row), row)


def _ec50(row: Row) -> str:
    if _misfit(row) == FALLS_AGAIN:
        return (
            f"falls again: best at {row['best_dose_um']:.3g}, {_of(row, 'peak')}, then "
            f"down by {_of(row, 'fall')}"
        )
    star = " *" if row.get("doubts") else ""
    if row["status"] != "fitted":
        status = row["status"].removeprefix("bound: the ").removeprefix("relative ")
        return status.removeprefix("EC50 lies ").partition(":")[0] + star
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    falls = "falls, " if row.get("top", 1) < row.get("bottom", 0) else ""
    words = f"{falls}{row['ec50_um']:.3g} [{low:.3g}, {high:.3g}]{_absolute(row)}"
    return f"{words} R2 {row['r2']:.2f}{star}"


def _of(row: Row, key: str) -> str:
    value, low, high = (row[f"{key}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _absolute(row: Row) -> str:
    """The absolute EC50 or its bound; nothing in rows that were made without."""
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
