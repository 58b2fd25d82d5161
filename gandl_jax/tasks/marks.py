"""The mark of a score: what its encoder has seen of the records that it is about.

A network that learnt the labels of its test records, in training or by being stopped on
them, does not tell how it would do on others. Such a row is marked wherever it is
shown, and stands in no headline.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen, any_of
from gandl_jax.tasks.splits import Split, tested

# Keys of a row: whether any image that it is about was seen, any of the screen, and any
# label that it is about; None where nobody knows.
IMAGES, SCREEN = "encoder_saw_test_images", "encoder_saw_screen"
LABELS = "labels_seen"
WORDS = "labels seen"

Row = Mapping[str, Any]
Mark = dict[str, bool | None]

NOTHING: Mark = dict.fromkeys((IMAGES, SCREEN, LABELS), False)  # of the floors


def mark(seen: Seen, rows: np.ndarray | None = None) -> Mark:
    """What goes into a row about some records.

    Args:
      seen: of all records of the screen.
      rows: [n] int, those that enter the score, but for those that are only learnt
        from; None is all.
    """
    own = seen if rows is None else seen.take(rows)
    return {
        IMAGES: own.any_image,
        SCREEN: seen.any_image,
        LABELS: own.any_label,
    }


def of_splits(seen: Seen, splits: Iterable[Split]) -> list[Mark]:
    """The mark of each split: of the records that it tests."""
    return [mark(seen, tested(split)) for split in splits]


def united(marks: Sequence[Mark]) -> Mark:
    """The mark of a score that several encoders have a part in."""
    return {key: any_of({one[key] for one in marks}) for key in NOTHING}


def complete(rows: Iterable[Row], sets: Mapping[str, FeatureSet]) -> list[Row]:
    """Marks the rows of a task that has not done so, as if they were of all records.

    Args:
      rows: of a task.
      sets: full name -> set. A row that names none of them is of all.
    """
    rows = list(rows)
    lacking = [row for row in rows if LABELS not in row]
    names = {name for row in lacking for name in _of(row, sets)}
    known = {name: mark(sets[name].seen) for name in names}
    return [
        row if LABELS in row else row | united([known[n] for n in _of(row, sets)])
        for row in rows
    ]


def _of(row: Row, sets: Mapping[str, FeatureSet]) -> Sequence[str]:
    """The sets that a row is about; a floor is none of them."""
    if "set" not in row:
        return list(sets)
    return [row["set"]] if row["set"] in sets else []


def learnt(row: Row) -> bool:
    """Whether a row is marked: its encoder learnt labels of its test records."""
    return bool(row.get(LABELS))


def note(rows: Iterable[Row]) -> list[str]:
    """A sentence on the marked rows of a task, whatever it shows of them; or none."""
    names = dict.fromkeys(r.get("encoder", "an encoder") for r in rows if learnt(r))
    if not names:
        return []
    return [f"{WORDS}: {', '.join(names)} learnt labels of records that are judged"]


def told(words: str, row: Row) -> str:
    """Words about a row, with its mark."""
    return f"{words} ({WORDS})" if learnt(row) else words
