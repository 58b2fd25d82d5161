"""Rows of scores as aligned text: networks and floors side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gandl_jax.profiles.feature_set import roles, step
from gandl_jax.profiles.groups import HELD_OUT
from gandl_jax.tasks import marks
from gandl_jax.tasks.differences import FLOORS

Row = Mapping[str, Any]

LEVELS = {"balanced_accuracy": "sites", "balanced_accuracy_wells": "wells"}


def shown(rows: Iterable[Row], features: str) -> list[Row]:
    """The rows of the headline set, of floors, and of no set at all.

    Args:
      rows: of a task.
      features: the headline set's name within its encoder.
    """
    return [row for row in rows if _is_shown(row, features)]


def _is_shown(row: Row, features: str) -> bool:
    if "set" not in row or row.get("features") == features:
        return True
    return row["set"] == row.get("encoder")


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


def group(row: Row) -> str:
    """The cell model."""
    return row["group"]


def split(row: Row) -> str:
    """What the split holds apart."""
    held = "held out" if row["split"] == HELD_OUT else f"{row['split']} out"
    return f"{row['split']} (leaky)" if row["leaky"] else held


def level(row: Row) -> str:
    """What is counted: "sites" or "wells"."""
    return LEVELS[row["metric"]]


def label(row: Row) -> str:
    """Name of what is predicted."""
    return row["label"]


def scores(
    title: str, keys: Mapping[str, Callable[[Row], str]], rows: Sequence[Row]
) -> str:
    """One line per combination of keys, one column per encoder.

    Args:
      title: of the table.
      keys: title of a column to what it says of a row.
      rows: of one task, each with value, low, high and chance.
    """
    encoders = columns(rows)
    lines: dict[tuple, dict[str, Row]] = {}
    for row in rows:
        key = tuple(name(row) for name in keys.values())
        lines.setdefault(key, {})[row["encoder"]] = row
    gains = [_gain(found) for found in lines.values()]
    extra = ["trained - untrained"] if any(gains) else []
    body = [
        [
            *key,
            *(_score(found.get(encoder)) for encoder in encoders.values()),
            _number(next(iter(found.values()))["chance"]),
            *([gain or "-"] if extra else []),
        ]
        for (key, found), gain in zip(lines.items(), gains, strict=True)
    ]
    return "\n".join([title, *aligned([[*keys, *encoders, "chance", *extra], *body])])


def columns(rows: Iterable[Row]) -> dict[str, str]:
    """Title and encoder of each column: checkpoints, then others, floors last."""
    encoders = dict.fromkeys(row["encoder"] for row in rows)
    found = roles(encoders)
    networks = {
        f"{role} ({found[role]})": found[role]
        for role in ("trained", "untrained")
        if role in found
    }
    shown = {*networks.values(), *FLOORS}
    others = sorted(e for e in encoders if step(e) is None and e not in shown)
    return networks | {e: e for e in (*others, *FLOORS) if e in encoders}


def _score(row: Row | None) -> str:
    if row is None:
        return "-"
    ends = f"[{_number(row['low'])} {_number(row['high'])}]"
    return marks.told(f"{_number(row['value'])} {ends}", row)


def _gain(found: Mapping[str, Row]) -> str:
    """The trained encoder minus the untrained one; "" where one is missing."""
    trained = roles(found).get("trained")
    gain = trained and found[trained]["differences"].get("untrained")
    if not gain:
        return ""
    low, high = _number(gain["low"], "+"), _number(gain["high"], "+")
    return marks.told(f"{_number(gain['value'], '+')} [{low} {high}]", found[trained])


def _number(value: float, sign: str = "") -> str:
    """Three digits, as in .750: what is shown lies between -1 and 1."""
    return f"{value:{sign}.3f}".replace("0.", ".", 1)
