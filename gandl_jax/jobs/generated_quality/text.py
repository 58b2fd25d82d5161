"""Rows of distances as lines of text, and what the real images are."""

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


def records(of: TrainingRecords) -> str:
    """What the real images are crops of."""
    return real_images(
        len(of.rows.trained), len(of.rows.validated), len(of.rows.held_out)
    )


def real_images(trained: int, validated: int, held_out: int) -> str:
    """A sentence about the records that real images are crops of, and those not."""
    sentence = (
        f"Real images are crops of the {trained:,} records that are trained on, cut, "
        "turned and scaled as in training"
    )
    others = {"validated by": validated, "held out": held_out}
    left = [f"{count:,} that are {word}" for word, count in others.items() if count]
    return (
        f"{sentence}; none of the {' and the '.join(left)}." if left else f"{sentence}."
    )


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a table, a row each, by space and channel, then step."""
    return aligned([HEADER, *map(cells, ordered(rows))])


def ordered(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows by space, all channels before each, then by step."""
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    return sorted(
        rows, key=lambda r: (r["space"], channels.index(r["channel"]), r["step"])
    )


def cells(row: Mapping[str, Any]) -> list[str]:
    """Cells of a row, as in `HEADER`."""
    return [
        row["space"],
        row["channel"] or EVERY,
        f"{row['step']:,}",
        f"{row['count']:,}",
        _with_interval(row, KERNEL),
        _with_interval(row, f"floor_{KERNEL}"),
        _beside(row, "frechet_distance", ".3g"),
        _beside(row, "precision", ".2f"),
        _beside(row, "recall", ".2f"),
    ]


def _with_interval(row: Mapping[str, Any], key: str) -> str:
    value, low, high = (row[f"{key}{end}"] for end in ("", "_low", "_high"))
    if value is None or low is None:
        return _number(value, ".3g")
    return f"{value:.3g} [{low:.3g}, {high:.3g}]"


def _beside(row: Mapping[str, Any], key: str, pattern: str) -> str:
    """A value with that of real images in brackets."""
    return f"{_number(row[key], pattern)} ({_number(row[f'floor_{key}'], pattern)})"


def _number(value: float | None, pattern: str) -> str:
    return "-" if value is None else format(value, pattern)
