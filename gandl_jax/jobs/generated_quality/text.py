"""Texts about generated images: rows of distances as lines, and the real images."""

from collections.abc import Mapping, Sequence
from typing import Any

from gandl_jax.tasks.score_table import aligned
from gandl_jax.training.generated_quality.kept import KERNEL
from gandl_jax.training.training_records import TrainingRecords

HEADER = (
    "Space",
    "Channel",
    "Step",
    "Images",
    "Kernel distance",
    "Real against real",
    "Frechet",
    "Precision",
    "Recall",
)
EVERY = "all"  # channels


def records(training_records: TrainingRecords) -> str:
    """Describes the records that the real images are crops of."""
    return real_images(
        len(training_records.rows.trained),
        len(training_records.rows.validated),
        len(training_records.rows.held_out),
    )


def real_images(trained: int, validated: int, held_out: int) -> str:
    """Describes the numbers of records that real images are crops of, and not."""
    sentence = (
        f"Real images are crops of the {trained:,} records that are trained on, cut, "
        "turned and scaled as in training"
    )
    others = {"validated by": validated, "held out": held_out}
    excluded = [
        f"{count:,} that are {reason}" for reason, count in others.items() if count
    ]
    return (
        f"{sentence}; none of the {' and the '.join(excluded)}."
        if excluded
        else f"{sentence}."
    )


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Formats a table, a row each, by space and channel, then step."""
    return aligned([HEADER, *map(cells, ordered(rows))])


def ordered(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Sorts rows by space, all channels before each, then by step."""
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    return sorted(
        rows, key=lambda r: (r["space"], channels.index(r["channel"]), r["step"])
    )


def cells(row: Mapping[str, Any]) -> list[str]:
    """Formats the cells of a row, as in `HEADER`."""
    return [
        row["space"],
        row["channel"] or EVERY,
        f"{row['step']:,}",
        f"{row['count']:,}",
        _with_interval(row, KERNEL),
        _with_interval(row, f"floor_{KERNEL}"),
        _with_floor(row, "frechet_distance", ".3g"),
        _with_floor(row, "precision", ".2f"),
        _with_floor(row, "recall", ".2f"),
    ]


def _with_interval(row: Mapping[str, Any], key: str) -> str:
    value, low, high = (row[f"{key}{end}"] for end in ("", "_low", "_high"))
    if value is None or low is None:
        return _number(value, ".3g")
    return f"{value:.3g} [{low:.3g}, {high:.3g}]"


def _with_floor(row: Mapping[str, Any], key: str, pattern: str) -> str:
    """Formats a value with that of real images in brackets."""
    return f"{_number(row[key], pattern)} ({_number(row[f'floor_{key}'], pattern)})"


def _number(value: float | None, pattern: str) -> str:
    return "-" if value is None else format(value, pattern)
