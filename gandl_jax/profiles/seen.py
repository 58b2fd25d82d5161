"""What an encoder saw of each record while it was trained: its image, its labels."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

Kind = tuple[bool | None, str | None]
COLUMNS = "seen_images", "seen_labels"  # of a table that people read
WORDS = {True: "yes", False: "no", None: "unknown"}  # whether an image was seen
UNKNOWN = WORDS[None]


@dataclasses.dataclass(frozen=True, eq=False)
class Seen:
    """What an encoder saw of N records; those that it was validated by are seen, too.

    Attributes:
      images: [N] object, whether it saw the image; None where nobody knows.
      labels: [N] object, the label columns that it learnt of the record, with commas
        between, "" for none; None where nobody knows.
    """

    images: np.ndarray
    labels: np.ndarray

    @classmethod
    def from_kinds(cls, kinds: Sequence[Kind]) -> "Seen":
        """From the image and the labels of each record."""
        both = np.empty((2, len(kinds)), object)
        for i, kind in enumerate(kinds):
            both[:, i] = kind
        return cls(*both)

    @classmethod
    def alike(cls, count: int, images: bool | None, learnt: str | None = "") -> "Seen":
        """The same of all records.

        Args:
          count: of records.
          images: whether they were seen.
          learnt: the label columns that were learnt, if they were.
        """
        labels = {True: learnt, False: "", None: None}[images]
        return cls.from_kinds([(images, labels)]).take(np.zeros(count, int))

    @classmethod
    def from_note(cls, count: int, note: Mapping[str, Any]) -> "Seen":
        """What the note of a feature set says of all its records at once."""
        return cls.alike(count, note["saw_images"], note.get("learnt_label", ""))

    @classmethod
    def from_words(cls, images: Sequence[str], labels: Sequence[str]) -> "Seen":
        """From what `in_words` gives; other words count as not known."""
        meant = {word: value for value, word in WORDS.items()}
        learnt = [None if label == UNKNOWN else label for label in labels]
        known = [meant.get(word) for word in images]
        return cls.from_kinds(list(zip(known, learnt, strict=True)))

    def in_words(self) -> dict[str, list[str]]:
        """COLUMNS to [N] words: "yes", "no" or "unknown"; the label columns."""
        images = [WORDS[saw] for saw in self.images]
        labels = [UNKNOWN if x is None else x for x in self.labels]
        return dict(zip(COLUMNS, (images, labels), strict=True))

    def __len__(self) -> int:
        """How many records there are."""
        return len(self.images)

    def same_as(self, other: "Seen") -> bool:
        """Whether the same is known of the same records."""
        return self.kinds() == other.kinds()

    def take(self, rows: np.ndarray) -> "Seen":
        """The same of some records, [n] int positions or [N] bool."""
        return Seen(self.images[rows], self.labels[rows])

    def kinds(self) -> list[Kind]:
        """Image and labels of each record."""
        return list(zip(self.images, self.labels, strict=True))

    @property
    def any_image(self) -> bool | None:
        """Whether any of the images was seen."""
        return any_of(set(self.images))

    @property
    def any_label(self) -> bool | None:
        """Whether a label of any of the records was learnt."""
        return any_of({None if x is None else x != "" for x in set(self.labels)})

    def of_groups(self, groups: np.ndarray) -> "Seen":
        """What was seen of groups of records, such as wells: of any of theirs.

        Args:
          groups: [N] str, the group of each record.

        Returns:
          Of the groups in sorted order.
        """
        every = self.kinds()
        known = {kind: i for i, kind in enumerate(dict.fromkeys(every))}
        names, member = np.unique(groups.astype(str), return_inverse=True)
        has = np.zeros((len(names), len(known)), bool)
        has[member, [known[kind] for kind in every]] = True
        patterns, which = np.unique(has, axis=0, return_inverse=True)
        kinds = list(known)
        united = [_united([kinds[k] for k in np.flatnonzero(p)]) for p in patterns]
        return Seen.from_kinds(united).take(which.ravel())


def any_of(answers: Collection[bool | None]) -> bool | None:
    """True where one is; else None where one is not known."""
    return True if True in answers else None if None in answers else False


def _united(kinds: Sequence[Kind]) -> Kind:
    images, labels = zip(*kinds, strict=True)
    columns = {name for text in labels for name in (text or "").split(",") if name}
    known = ",".join(sorted(columns))
    return any_of(images), known or (None if None in labels else "")
