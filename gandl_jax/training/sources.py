"""What a network learnt from (methods/source.py), made and kept beside checkpoints.

Imports nothing slow.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.source import Source
from gandl_jax.reading.classes import Classes

NOTE = "source"  # among the notes beside a checkpoint's arrays
# A former version's notes: channels, and one column's classes, "" for blanks.
FORMER_CHANNELS, FORMER_CLASSES = "data.channels", "data.classes"


def of_records(
    channels: Sequence[str], labels: Mapping[str, Classes], rows: np.ndarray
) -> Source:
    """The source that training records are.

    Args:
      channels: that are used.
      labels: column to the classes of all records.
      rows: [n] int64, the training records.
    """
    codes = {column: found.codes[rows] for column, found in labels.items()}
    return Source(
        channels=tuple(channels),
        classes={column: found.names for column, found in labels.items()},
        class_counts={
            column: _counts(codes[column], len(found.names))
            for column, found in labels.items()
        },
        blanks={column: int((own < 0).sum()) for column, own in codes.items()},
        records=len(rows),
    )


def _counts(codes: np.ndarray, classes: int) -> tuple[int, ...]:
    return tuple(np.bincount(codes[codes >= 0], minlength=classes).tolist())


def note(source: Source) -> dict[str, Any]:
    """The note to keep beside a checkpoint's arrays, as plain data."""
    return {NOTE: dataclasses.asdict(source)}


def read(notes: Mapping[str, Any]) -> Source:
    """The source that the notes beside a checkpoint's arrays tell of."""
    if NOTE not in notes:
        return _former(notes)
    return Source.from_plain(notes[NOTE])


def _former(notes: Mapping[str, Any]) -> Source:
    channels, column = tuple(notes[FORMER_CHANNELS]), notes.get("data.label", "")
    classes = notes.get(FORMER_CLASSES, ())
    if not classes:
        return Source(channels)
    names = tuple(name for name in classes if name.strip())
    return Source(
        channels,
        classes={column: names},
        blanks={column: len(classes) - len(names)},
    )


def all_classes(source: Source) -> list[str]:
    """Names of classes one after another, "" before those of a column with blanks.

    Two sources are told apart by it, whatever version noted them.
    """
    return [
        name
        for column, names in source.classes.items()
        for name in ([""] if source.blanks.get(column) else []) + list(names)
    ]


def architecture(config, source: Source) -> dict[str, Any]:
    """What a checkpoint's arrays depend on: `config.architecture` of a source."""
    return configs.architecture(config, source.channels, all_classes(source))


def refuse_other_classes(place: Any, theirs: Source, ours: Source) -> None:
    """Refuses a network in which a class has another's place, whatever it is called.

    Args:
      place: where it is from, for the message.
      theirs: that it learnt from.
      ours: that it would go on to learn from.

    Raises:
      InputError: naming the first class that differs.
    """
    former, now = all_classes(theirs), all_classes(ours)
    for number, names in enumerate(itertools.zip_longest(former, now), 1):
        if names[0] != names[1]:
            their, our = ("none" if name is None else repr(name) for name in names)
            raise InputError(
                f"{place} learnt {len(former)} classes, and config.data.label has "
                f"{len(now)}: class {number} is {their} there and {our} here; "
                "start from a training with the same classes"
            )
