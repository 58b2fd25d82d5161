"""Sources (methods/source.py) of training records, and their notes in checkpoints.

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

NOTE = "source"  # among a checkpoint's notes
# Keys of former versions: channels, and one column's classes, with "" for blanks.
FORMER_CHANNELS, FORMER_CLASSES = "data.channels", "data.classes"


def make_source(
    channels: Sequence[str], labels: Mapping[str, Classes], rows: np.ndarray
) -> Source:
    """Makes the source of training records.

    Args:
      channels: that are used.
      labels: {column: classes of all records}.
      rows: [n] int64, the training records.
    """
    codes = {column: classes.codes[rows] for column, classes in labels.items()}
    return Source(
        channels=tuple(channels),
        classes={column: classes.names for column, classes in labels.items()},
        class_counts={
            column: _counts(codes[column], len(classes.names))
            for column, classes in labels.items()
        },
        blanks={
            column: int((column_codes < 0).sum())
            for column, column_codes in codes.items()
        },
        records=len(rows),
    )


def _counts(codes: np.ndarray, classes: int) -> tuple[int, ...]:
    return tuple(np.bincount(codes[codes >= 0], minlength=classes).tolist())


def note(source: Source) -> dict[str, Any]:
    """Returns the note to store with a checkpoint, as plain data."""
    return {NOTE: dataclasses.asdict(source)}


def read(notes: Mapping[str, Any]) -> Source:
    """Reads the source from a checkpoint's notes."""
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
    """Returns all names of classes, with "" before those of a column with blanks.

    Sources are compared by this list, whatever version noted them.
    """
    return [
        name
        for column, names in source.classes.items()
        for name in ([""] if source.blanks.get(column) else []) + list(names)
    ]


def architecture(config, source: Source) -> dict[str, Any]:
    """Returns `config.architecture` of a source: all that arrays depend on."""
    return configs.architecture(config, source.channels, all_classes(source))


def refuse_other_classes(origin: Any, their_source: Source, our_source: Source) -> None:
    """Refuses a network whose classes differ in name or order.

    Args:
      origin: file or workdir of the network, for the message.
      their_source: source of its training.
      our_source: source of the training that would start from it.

    Raises:
      InputError: a class differs; the first one is named.
    """
    their_classes, our_classes = all_classes(their_source), all_classes(our_source)
    for number, names in enumerate(
        itertools.zip_longest(their_classes, our_classes), 1
    ):
        if names[0] != names[1]:
            their, our = ("none" if name is None else repr(name) for name in names)
            raise InputError(
                f"{origin} learnt {len(their_classes)} classes, and config.data.label "
                f"has {len(our_classes)}: class {number} is {their} there and {our} "
                "here; start from a training with the same classes"
            )
