"""Rows of scores as aligned plain text: trained, untrained, intensity side by side."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gandl_jax.profiles.feature_set import kinds, step

MAX_CURVES = 12
LEVELS = {"balanced_accuracy": "sites", "balanced_accuracy_wells": "wells"}


def text(rows: Sequence[Mapping[str, Any]], features: str) -> str:
    """The scores of the headline set and of intensities, with 95 % intervals.

    Args:
      rows: of all tasks.
      features: the headline set's name within its encoder.

    Returns:
      Lines of text: a table per task, or one line where there is nothing to show.
    """
    shown = [r for r in rows if r["features"] == features or r["set"] == r["encoder"]]
    if not shown:
        return "no scores"
    columns = _columns(shown)
    tables = [_controls(shown, columns), _curves(shown, columns)]
    return "\n\n".join(table for table in tables if table)


def _columns(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Title and encoder of each column: trained, untrained, then no checkpoints."""
    encoders = sorted({row["encoder"] for row in rows})
    found = kinds(encoders)
    columns = {
        f"{kind} ({found[kind]})": found[kind]
        for kind in ("trained", "untrained")
        if kind in found
    }
    return columns | {name: name for name in encoders if step(name) is None}


def _controls(rows, columns) -> str:
    """Control classification: one line per cell model, split and level."""
    rows = [row for row in rows if row["task"] == "control_classification"]
    lines: dict[tuple, dict] = {}
    for row in rows:
        split = f"{row['split']} (leaky)" if row["leaky"] else f"{row['split']} out"
        key = (row["group"], split, LEVELS[row["metric"]])
        lines.setdefault(key, {})[row["encoder"]] = row
    if not lines:
        return ""
    titles = ["cell model", "split", "level", *columns, "trained - untrained"]
    body = [
        [*key, *(_accuracy(found.get(e)) for e in columns.values()), _gain(found)]
        for key, found in lines.items()
    ]
    title = "Control classification, balanced accuracy [95 % interval over wells]"
    return "\n".join([title, *_aligned([titles, *body])])


def _curves(rows, columns) -> str:
    """Dose response: the curves that explain most, in whichever encoder they do."""
    lines: dict[tuple, dict] = {}
    for row in rows:
        if row["task"] == "dose_response":
            key = (row["group"], row["experiment"], row["treatment"])
            lines.setdefault(key, {})[row["encoder"]] = row
    if not lines:
        return ""
    best = {key: max(map(_r2, found.values())) for key, found in lines.items()}
    fitted = sorted((key for key in lines if best[key]), key=lambda key: -best[key])
    titles = ["cell model", "experiment", "treatment", *columns]
    body = [
        [*key, *(_ec50(lines[key].get(e)) for e in columns.values())]
        for key in fitted[:MAX_CURVES]
    ]
    title = (
        f"Dose response: {len(fitted)} of {len(lines)} compounds have an EC50 by some "
        "encoder; in uM [95 % interval], R2 over wells"
    )
    return "\n".join([title, *(_aligned([titles, *body]) if body else [])])


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]


def _accuracy(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "-"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _gain(found: Mapping[str, Mapping[str, Any]]) -> str:
    trained = [name for name in found if found[name]["untrained_difference"]]
    if not trained:
        return "-"
    gain = found[max(trained, key=step)]["untrained_difference"]
    return f"{gain['value']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"


def _r2(row: Mapping[str, Any]) -> float:
    return row["r2"] if row["status"] == "fitted" else 0.0


def _ec50(row: Mapping[str, Any] | None) -> str:
    if row is None or row["status"] != "fitted":
        return "-" if row is None else row["status"].partition(":")[0]
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    return f"{row['ec50_um']:.3g} [{low:.3g}, {high:.3g}] R2 {row['r2']:.2f}"
