"""The report's scores: trained, untrained and intensities side by side."""

from collections.abc import Sequence
from typing import Any

from gandl_jax import figures
from gandl_jax.figures import Figure
from gandl_jax.jobs.report_parts import findings, page
from gandl_jax.jobs.report_parts.findings import Row
from gandl_jax.jobs.report_parts.page import Html


def content(
    name: str, features: str, rows: Sequence[Row], table: findings.Table
) -> list[Html]:
    """The figures and the tables.

    Args:
      name: of the screen.
      features: the network's set that is shown first.
      rows: all rows of control classification.
      table: those shown first, as `findings.headline` returns.
    """
    parts = [
        page.tag(
            "p",
            f"How well a linear classifier tells the two controls apart, from the set "
            f"{features} of the network (trained, untrained) and from plain "
            "intensities. 0.5 is guessing, 1 is without error. In small print the 95 % "
            "interval over resampled wells.",
        )
    ]
    if not table:
        sets = ", ".join(sorted({row["set"] for row in rows}))
        parts.append(page.tag("p", f"No set is called {features}; there are: {sets}."))
    plots = []
    for i, metric in enumerate(dict.fromkeys(place[2] for place in table)):
        shown = {place: k for place, k in table.items() if place[2] == metric}
        svg = figures.to_svg(
            _score_figure(shown, _words(metric)),
            f"score-{name}-{i}",
            f"{_words(metric)} with 95 % intervals; the table below has the numbers",
        )
        plots.append(page.figure(Html(svg), ""))
    parts.append(page.tag("div", page.join(plots), class_="pair"))
    parts.append(_score_table(table))
    shown = {id(row) for kinds in table.values() for row in kinds.values()}
    rest = [row for row in rows if id(row) not in shown]
    if rest:
        parts.append(
            page.details(f"All other feature sets ({len(rest)} scores)", _rest(rest))
        )
    return parts


def flat(row: Row) -> dict[str, Any]:
    """A row without what does not fit into one line of CSV."""
    nested = ("folds", "classes", "untrained_difference")
    plain = {key: value for key, value in row.items() if key not in nested}
    difference = row["untrained_difference"] or {}
    return plain | {f"untrained_difference_{k}": v for k, v in difference.items()}


def _score_figure(table: findings.Table, label: str) -> Figure:
    names = [f"{group or 'all'}, {_split_words(split)}" for group, split, _ in table]
    series = {
        kind: [
            (k[kind]["value"], k[kind]["low"], k[kind]["high"]) if kind in k else None
            for k in table.values()
        ]
        for kind in findings.KINDS
        if any(kind in k for k in table.values())
    }
    classes = next(iter(next(iter(table.values())).values()))["classes"]
    return figures.scores(names, series, label, 1 / len(classes))


def _score_table(table: findings.Table) -> Html:
    header = ("Cells", "Test part", "Metric", *findings.KINDS, "trained − untrained")
    lines = []
    for (group, split, metric), kinds in table.items():
        leaky = any(row["leaky"] for row in kinds.values())
        lines.append(
            (
                group or "all",
                _split_cell(split, leaky),
                _words(metric),
                *(_score(kinds.get(kind)) for kind in findings.KINDS),
                _difference(kinds.get("trained")),
            )
        )
    return page.table(header, lines)


def _rest(rows: list[Row]) -> Html:
    header = ("Feature set", "Cells", "Test part", "Metric", "Score", "− untrained")
    return page.table(
        header,
        (
            (
                row["set"],
                row["group"] or "all",
                _split_cell(row["split"], row["leaky"]),
                _words(row["metric"]),
                _score(row),
                _difference(row),
            )
            for row in rows
        ),
    )


def _score(row: Row | None) -> Html:
    if row is None:
        return page.text("–")
    return page.interval(row["value"], row["low"], row["high"], ".3f")


def _difference(row: Row | None) -> Html:
    found = row and row["untrained_difference"]
    if not found:
        return page.text("–")
    return page.interval(found["value"], found["low"], found["high"], "+.3f")


def _split_words(split: str) -> str:
    return "random images" if split == "record" else f"{split}s left out"


def _split_cell(split: str, leaky: bool) -> Html:
    words = page.text(_split_words(split))
    return (
        page.join([words, page.tag("span", "leaky", class_="leaky")])
        if leaky
        else words
    )


def _words(metric: str) -> str:
    known = {
        "balanced_accuracy": "balanced accuracy of sites",
        "balanced_accuracy_wells": "balanced accuracy of wells",
    }
    return known.get(metric, metric.replace("_", " "))
