"""Images and labels of each record that an encoder saw in training."""

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
    """Images and labels of N records that an encoder saw; validation counts as seen.

    Attributes:
      images: [N] object, whether it saw the image; None if unknown.
      labels: [N] object, the record's label columns that it learnt, with commas
        between, "" for none; None if unknown.
    """

    images: np.ndarray
    labels: np.ndarray

    @classmethod
    def from_pairs(cls, pairs: Sequence[Kind]) -> "Seen":
        """Makes it from (image seen, labels learnt) of each record."""
        both = np.empty((2, len(pairs)), object)
        for i, pair in enumerate(pairs):
            both[:, i] = pair
        return cls(*both)

    @classmethod
    def alike(cls, count: int, images: bool | None, learnt: str | None = "") -> "Seen":
        """Makes it the same for all records.

        Args:
          count: of records.
          images: whether they were seen.
          learnt: the label columns that were learnt, if images were seen.
        """
        labels = {True: learnt, False: "", None: None}[images]
        return cls.from_pairs([(images, labels)]).take(np.zeros(count, int))

    @classmethod
    def from_note(cls, count: int, note: Mapping[str, Any]) -> "Seen":
        """Makes it from the note of a feature set, which holds for all its records."""
        return cls.alike(count, note["saw_images"], note.get("learnt_label", ""))

    @classmethod
    def from_words(cls, images: Sequence[str], labels: Sequence[str]) -> "Seen":
        """Reads what `in_words` gives; other words count as unknown."""
        value_of_word = {word: value for value, word in WORDS.items()}
        learnt = [None if label == UNKNOWN else label for label in labels]
        known = [value_of_word.get(word) for word in images]
        return cls.from_pairs(list(zip(known, learnt, strict=True)))

    def in_words(self) -> dict[str, list[str]]:
        """Returns COLUMNS to [N] words: "yes", "no" or "unknown"; the label columns."""
        images = [WORDS[saw] for saw in self.images]
        labels = [UNKNOWN if learnt is None else learnt for learnt in self.labels]
        return dict(zip(COLUMNS, (images, labels), strict=True))

    def __len__(self) -> int:
        """Counts the records."""
        return len(self.images)

    def same_as(self, other: "Seen") -> bool:
        """Tells whether the same is known of the same records."""
        return self.pairs() == other.pairs()

    def take(self, rows: np.ndarray) -> "Seen":
        """Returns the same for some records, [n] int positions or [N] bool."""
        return Seen(self.images[rows], self.labels[rows])

    def pairs(self) -> list[Kind]:
        """Returns (image seen, labels learnt) of each record."""
        return list(zip(self.images, self.labels, strict=True))

    @property
    def any_image(self) -> bool | None:
        """Whether any of the images was seen; None if unknown."""
        return any_of(set(self.images))

    @property
    def any_label(self) -> bool | None:
        """Whether a label of any of the records was learnt; None if unknown."""
        return any_of(
            {None if learnt is None else learnt != "" for learnt in set(self.labels)}
        )

    def of_groups(self, groups: np.ndarray) -> "Seen":
        """Unites what was seen of the records of each group, such as a well.

        Args:
          groups: [N] str, the group of each record.

        Returns:
          The groups in sorted order; a group counts as seen if any of its records was.
        """
        pairs = self.pairs()
        code_of_pair = {pair: i for i, pair in enumerate(dict.fromkeys(pairs))}
        names, member = np.unique(groups.astype(str), return_inverse=True)
        has = np.zeros((len(names), len(code_of_pair)), bool)
        has[member, [code_of_pair[pair] for pair in pairs]] = True
        patterns, pattern_index = np.unique(has, axis=0, return_inverse=True)
        distinct = list(code_of_pair)
        united = [
            _united([distinct[code] for code in np.flatnonzero(pattern)])
            for pattern in patterns
        ]
        return Seen.from_pairs(united).take(pattern_index.ravel())


def any_of(answers: Collection[bool | None]) -> bool | None:
    """Returns True if any answer is True; else None if any is unknown; else False."""
    return True if True in answers else None if None in answers else False


def _united(pairs: Sequence[Kind]) -> Kind:
    images, labels = zip(*pairs, strict=True)
    columns = {name for text in labels for name in (text or "").split(",") if name}
    known = ",".join(sorted(columns))
    return any_of(images), known or (None if None in labels else "")
