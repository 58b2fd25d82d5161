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
    """Returns the rows of the headline set, of floors, and of no set.

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
    """Returns lines of text with aligned columns.

    Args:
      table: lines of equal numbers of cells.
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]


def with_interval(row: Row, pattern: str) -> str:
    """Writes a value and its interval: "0.500 [0.400, 0.600]".

    Args:
      row: with "value", "low" and "high".
      pattern: of each number, such as "+.3f".
    """
    value, low, high = (format(row[key], pattern) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def group(row: Row) -> str:
    """Returns the cell model."""
    return row["group"]


def split(row: Row) -> str:
    """Describes the split."""
    text = "held out" if row["split"] == HELD_OUT else f"{row['split']} out"
    return f"{row['split']} (leaky)" if row["leaky"] else text


def level(row: Row) -> str:
    """Returns the counted unit: "sites" or "wells"."""
    return LEVELS[row["metric"]]


def label(row: Row) -> str:
    """Returns the name of the predicted label."""
    return row["label"]


def scores(
    title: str, keys: Mapping[str, Callable[[Row], str]], rows: Sequence[Row]
) -> str:
    """Writes a line per combination of keys, and a column per encoder.

    Args:
      title: of the table.
      keys: title of a column -> function of a row to its cell.
      rows: of one task, each with value, low, high and chance.
    """
    encoders = columns(rows)
    lines: dict[tuple, dict[str, Row]] = {}
    for row in rows:
        key = tuple(name(row) for name in keys.values())
        lines.setdefault(key, {})[row["encoder"]] = row
    gains = [_gain(row_by_encoder) for row_by_encoder in lines.values()]
    extra = ["trained - untrained"] if any(gains) else []
    body = [
        [
            *key,
            *(_score(row_by_encoder.get(encoder)) for encoder in encoders.values()),
            _number(next(iter(row_by_encoder.values()))["chance"]),
            *([gain or "-"] if extra else []),
        ]
        for (key, row_by_encoder), gain in zip(lines.items(), gains, strict=True)
    ]
    return "\n".join([title, *aligned([[*keys, *encoders, "chance", *extra], *body])])


def columns(rows: Iterable[Row]) -> dict[str, str]:
    """Returns title -> encoder of columns: checkpoints, then others, floors last."""
    encoders = dict.fromkeys(row["encoder"] for row in rows)
    encoder_by_role = roles(encoders)
    networks = {
        f"{role} ({encoder_by_role[role]})": encoder_by_role[role]
        for role in ("trained", "untrained")
        if role in encoder_by_role
    }
    placed = {*networks.values(), *FLOORS}
    other_encoders = sorted(e for e in encoders if step(e) is None and e not in placed)
    return networks | {e: e for e in (*other_encoders, *FLOORS) if e in encoders}


def _score(row: Row | None) -> str:
    if row is None:
        return "-"
    ends = f"[{_number(row['low'])}, {_number(row['high'])}]"
    return marks.marked(f"{_number(row['value'])} {ends}", row)


def _gain(row_by_encoder: Mapping[str, Row]) -> str:
    """Writes the difference of trained and untrained; "" if one is missing."""
    trained = roles(row_by_encoder).get("trained")
    gain = trained and row_by_encoder[trained]["differences"].get("untrained")
    if not gain:
        return ""
    low, high = _number(gain["low"], "+"), _number(gain["high"], "+")
    return marks.marked(
        f"{_number(gain['value'], '+')} [{low}, {high}]", row_by_encoder[trained]
    )


def _number(value: float, sign: str = "") -> str:
    """Writes three digits, such as .750, of a value between -1 and 1."""
    return f"{value:{sign}.3f}".replace("0.", ".", 1)
