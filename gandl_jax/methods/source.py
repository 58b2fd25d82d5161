"""The source of a method: facts about its training records; imports nothing slow."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Source:
    """Facts about the training records that a method depends on.

    It is stored with every checkpoint, and alike in train, embed, plan and benchmark.

    Attributes:
      channels: names of the image's channels, in order.
      classes: {column of config.data.label: names of its classes, sorted}, without
        blanks.
      class_counts: {column: number of training records of each class}; {} if a former
        version's checkpoint lacks them.
      blanks: {column: number of training records without a value}; from a former
        version's checkpoint 1 if there were any.
      records: number of training records; 0 if not known.
    """

    channels: tuple[str, ...]
    classes: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    class_counts: Mapping[str, tuple[int, ...]] = dataclasses.field(
        default_factory=dict
    )
    blanks: Mapping[str, int] = dataclasses.field(default_factory=dict)
    records: int = 0

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> "Source":
        """Reads a source from plain data, as `dataclasses.asdict` makes it."""
        per_column = {
            key: {column: tuple(values) for column, values in data[key].items()}
            for key in ("classes", "class_counts")
        }
        return cls(
            channels=tuple(data["channels"]),
            blanks=dict(data["blanks"]),
            records=data["records"],
            **per_column,
        )
