"""Rows of scores as aligned text: networks, intensities and floors side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gandl_jax.profiles.feature_set import kinds, step
from gandl_jax.tasks.differences import FLOORS
from gandl_jax.tasks.label_classification import counts_in_words

Row = Mapping[str, Any]

MAX_CURVES = 12
LEVELS = {"balanced_accuracy": "sites", "balanced_accuracy_wells": "wells"}


def text(rows: Sequence[Row], features: str) -> str:
    """The scores of the headline set, of intensities and of floors, with intervals.

    Args:
      rows: of all tasks.
      features: the headline set's name within its encoder.

    Returns:
      Lines of text: a table per task, or one line where there is nothing to show.
    """
    shown = [r for r in rows if r["features"] == features or r["set"] == r["encoder"]]
    of_task: dict[str, list[Row]] = {}
    for row in shown:
        of_task.setdefault(row["task"], []).append(row)
    tables = [
        table(of_task[name]) for name, table in _TABLES.items() if name in of_task
    ]
    return "\n\n".join(tables) or "no scores"


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Lines of text in which columns stand under one another.

    Args:
      table: lines of as many cells.
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]


def _controls(rows: Sequence[Row]) -> str:
    title = "Control classification: balanced accuracy [95 % interval]"
    keys = {"cell model": _group, "split": _split, "level": _level}
    return _scores(title, keys, rows)


def _cell_models(rows: Sequence[Row]) -> str:
    title = (
        "Cell-model classification: balanced accuracy, recall [95 % interval over "
        f"{rows[0].get('unit', 'well')}s]"
    )
    return _scores(title, {"split": _split, "of": _class}, rows)


def _labels(rows: Sequence[Row]) -> str:
    title = f"{rows[0]['label']} classification: balanced accuracy [95 % interval]"
    keys = {"cell model": _group, "split": _split, "level": _level}
    counts = dict.fromkeys(filter(None, map(counts_in_words, rows)))
    return "\n".join([_scores(title, keys, rows), *counts])


def _batch_effects(rows: Sequence[Row]) -> str:
    title = (
        "Batch effects: balanced accuracy [95 % interval] on wells held out; "
        "lower is better"
    )
    keys = {"cell model": _group, "told": _label, "normalised": _normalized}
    return _scores(title, keys, rows)


def _retrieval(rows: Sequence[Row]) -> str:
    title = "Retrieval: mean average precision [95 % interval]"
    return _scores(title, {"cell model": _group, "of the same": _kind}, rows)


def _group(row: Row) -> str:
    return row["group"]


def _split(row: Row) -> str:
    return f"{row['split']} (leaky)" if row["leaky"] else f"{row['split']} out"


def _level(row: Row) -> str:
    return LEVELS[row["metric"]]


def _class(row: Row) -> str:
    return row.get("class", "all")


def _label(row: Row) -> str:
    return row["label"]


def _normalized(row: Row) -> str:
    return row["normalize"]


def _kind(row: Row) -> str:
    return "treatment" if row["kind"] == "replicate" else row["kind"]


def _scores(
    title: str, keys: Mapping[str, Callable[[Row], str]], rows: Sequence[Row]
) -> str:
    """One line per combination of keys, one column per encoder."""
    columns = _columns(rows)
    lines: dict[tuple, dict[str, Row]] = {}
    for row in rows:
        key = tuple(name(row) for name in keys.values())
        lines.setdefault(key, {})[row["encoder"]] = row
    gains = [_gain(found) for found in lines.values()]
    extra = ["trained - untrained"] if any(gains) else []
    body = [
        [
            *key,
            *(_score(found.get(encoder)) for encoder in columns.values()),
            _number(next(iter(found.values()))["chance"]),
            *([gain or "-"] if extra else []),
        ]
        for (key, found), gain in zip(lines.items(), gains, strict=True)
    ]
    return "\n".join([title, *aligned([[*keys, *columns, "chance", *extra], *body])])


def _columns(rows: Iterable[Row]) -> dict[str, str]:
    """Title and encoder of each column: checkpoints, then others, floors last."""
    encoders = dict.fromkeys(row["encoder"] for row in rows)
    found = kinds(encoders)
    columns = {
        f"{kind} ({found[kind]})": found[kind]
        for kind in ("trained", "untrained")
        if kind in found
    }
    shown = {*columns.values(), *FLOORS}
    others = sorted(e for e in encoders if step(e) is None and e not in shown)
    return columns | {e: e for e in (*others, *FLOORS) if e in encoders}


def _curves(rows: Sequence[Row]) -> str:
    """Dose response: the curves that explain most, in whichever encoder they do."""
    columns = _columns(rows)
    lines: dict[tuple, dict[str, Row]] = {}
    for row in rows:
        key = (row["group"], row["experiment"], row["treatment"])
        lines.setdefault(key, {})[row["encoder"]] = row
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
    return "\n".join([title, *(aligned([titles, *body]) if body else [])])


def _score(row: Row | None) -> str:
    if row is None:
        return "-"
    return f"{_number(row['value'])} [{_number(row['low'])} {_number(row['high'])}]"


def _gain(found: Mapping[str, Row]) -> str:
    """The trained encoder minus the untrained one; "" where one is missing."""
    trained = kinds(found).get("trained")
    gain = trained and found[trained]["differences"].get("untrained")
    if not gain:
        return ""
    low, high = _number(gain["low"], "+"), _number(gain["high"], "+")
    return f"{_number(gain['value'], '+')} [{low} {high}]"


def _number(value: float, sign: str = "") -> str:
    """Three digits, as in .750: what is shown lies between -1 and 1."""
    return f"{value:{sign}.3f}".replace("0.", ".", 1)


def _r2(row: Row) -> float:
    return row["r2"] if row["status"] == "fitted" else 0.0


def _ec50(row: Row | None) -> str:
    if row is None:
        return "-"
    if row["status"] != "fitted":
        status = row["status"].removeprefix("bound: the EC50 lies ")
        return status.partition(":")[0]
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    return f"{row['ec50_um']:.3g} [{low:.3g}, {high:.3g}] R2 {row['r2']:.2f}"


_TABLES: dict[str, Callable[[Sequence[Row]], str]] = {
    "control_classification": _controls,
    "cell_model_classification": _cell_models,
    "label_classification": _labels,
    "retrieval": _retrieval,
    "batch_effects": _batch_effects,
    "dose_response": _curves,
}
