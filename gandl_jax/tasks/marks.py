"""The mark of a score: images and labels of its records that the encoder has seen.

A network that learnt the labels of its test records, in training or by being stopped on
them, says nothing about its score on others. Such a row is marked wherever it is shown,
and is in no headline.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen, any_of
from gandl_jax.tasks.splits import Split, tested

# Keys of a row: whether the encoder saw any image that the row is about, any image of
# the screen, and any label that the row is about; None if unknown.
IMAGES, SCREEN = "encoder_saw_test_images", "encoder_saw_screen"
LABELS = "labels_seen"
WORDS = "labels seen"

Row = Mapping[str, Any]
Mark = dict[str, bool | None]

NOTHING: Mark = dict.fromkeys((IMAGES, SCREEN, LABELS), False)  # for floors


def mark(seen: Seen, rows: np.ndarray | None = None) -> Mark:
    """Returns the mark of a row about some records.

    Args:
      seen: of all records of the screen.
      rows: [n] int, records that enter the score, without those that are only learnt
        from; None is all.
    """
    seen_of_rows = seen if rows is None else seen.take(rows)
    return {
        IMAGES: seen_of_rows.any_image,
        SCREEN: seen.any_image,
        LABELS: seen_of_rows.any_label,
    }


def mark_splits(seen: Seen, splits: Iterable[Split]) -> list[Mark]:
    """Returns the mark of each split, of the records that it tests."""
    return [mark(seen, tested(split)) for split in splits]


def united(marks: Sequence[Mark]) -> Mark:
    """Unites the marks of several encoders that contribute to a score."""
    return {key: any_of({each[key] for each in marks}) for key in NOTHING}


def complete(rows: Iterable[Row], sets: Mapping[str, FeatureSet]) -> list[Row]:
    """Marks the rows that a task has not marked, as if they used all records.

    Args:
      rows: of a task.
      sets: full name -> set. A row that names none of them uses all.
    """
    rows = list(rows)
    lacking = [row for row in rows if LABELS not in row]
    names = {name for row in lacking for name in _sets_of(row, sets)}
    mark_of_set = {name: mark(sets[name].seen) for name in names}
    return [
        row
        if LABELS in row
        else row | united([mark_of_set[name] for name in _sets_of(row, sets)])
        for row in rows
    ]


def _sets_of(row: Row, sets: Mapping[str, FeatureSet]) -> Sequence[str]:
    """Returns the names of the sets of a row; a floor has none."""
    if "set" not in row:
        return list(sets)
    return [row["set"]] if row["set"] in sets else []


def learnt(row: Row) -> bool:
    """Tells whether a row is marked: its encoder learnt labels of its test records."""
    return bool(row.get(LABELS))


def note(rows: Iterable[Row]) -> list[str]:
    """Returns a sentence on the marked rows of a task, if there are any."""
    names = dict.fromkeys(r.get("encoder", "an encoder") for r in rows if learnt(r))
    if not names:
        return []
    return [f"{WORDS}: {', '.join(names)} learnt labels of records that are judged"]


def marked(text: str, row: Row) -> str:
    """Adds the mark of a row to a text about it."""
    return f"{text} ({WORDS})" if learnt(row) else text
