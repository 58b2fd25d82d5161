"""What a method knows of the records that it is trained on; imports nothing slow."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Source:
    """What a method knows of the records that it is trained on.

    It is saved with every checkpoint, and the same in train, embed, plan and benchmark.

    Attributes:
      channels: names of the image's channels, in order.
      classes: column of config.data.label to the names of its classes, sorted; blanks
        are none of them.
      class_counts: column to the number of training records of each class; none where
        a former version's checkpoint does not tell.
      blanks: column to the number of training records without a value; of a former
        version's checkpoint 1 where there were any.
      records: number of training records; 0 where it is not known.
    """

    channels: tuple[str, ...]
    classes: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    class_counts: Mapping[str, tuple[int, ...]] = dataclasses.field(
        default_factory=dict
    )
    blanks: Mapping[str, int] = dataclasses.field(default_factory=dict)
    records: int = 0

    @classmethod
    def from_plain(cls, found: Mapping[str, Any]) -> "Source":
        """The source of which `dataclasses.asdict` made plain data, as JSON has it."""
        per_column = {
            key: {column: tuple(values) for column, values in found[key].items()}
            for key in ("classes", "class_counts")
        }
        return cls(
            channels=tuple(found["channels"]),
            blanks=dict(found["blanks"]),
            records=found["records"],
            **per_column,
        )
