"""Rows of scores as aligned text: networks, intensities and floors side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gandl_jax.profiles.feature_set import kinds, step
from gandl_jax.tasks.curve_shape import FALLS_AGAIN, NO_CURVE_FITS
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
    """Dose response: the curves that explain most, in whichever encoder they do.

    What falls again or fits no curve comes after those with an EC50.
    """
    columns = _columns(rows)
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
    titles = ["cell model", "experiment", "treatment", *columns]
    body = [
        [*key, *(_ec50(lines[key].get(e)) for e in columns.values())] for key in shown
    ]
    title = (
        f"Dose response: {len(fitted)} of {len(lines)} compounds have an EC50 by some "
        "encoder; relative (half of the curve's own rise) and abs. (half way between "
        "the controls), in uM [95 % interval], R2 over wells"
    )
    table = aligned([titles, *body]) if body else []
    return "\n".join([title, *_misfits(lines), *table, *_doubts(lines, shown)])


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


_TABLES: dict[str, Callable[[Sequence[Row]], str]] = {
    "control_classification": _controls,
    "cell_model_classification": _cell_models,
    "label_classification": _labels,
    "retrieval": _retrieval,
    "batch_effects": _batch_effects,
    "dose_response": _curves,
}
