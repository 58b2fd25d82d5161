"""What an experiment trains on: its screen, the records of it, and their labels.

Imports nothing slow.
"""

import dataclasses
import hashlib
from collections.abc import Mapping

import ml_collections
import numpy as np

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.source import Source
from gandl_jax.prepared import prepared
from gandl_jax.reading import classes
from gandl_jax.training import held_out, opening, sources

Codes = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class TrainingRecords:
    """A prepared screen as one experiment learns from it.

    Attributes:
      dataset: the screen, all records of it.
      channels: that are used.
      rows: which records are trained on, validated by and held out.
      labels: column to [N] int32 class of each record, -1 where it is blank.
      source: what the method is told of the records that are trained on.
      unlearnt: [n] int64 rows of which no label is learnt, whoever trains on them.
    """

    dataset: prepared.Prepared
    channels: tuple[str, ...]
    rows: held_out.Rows
    labels: Codes
    source: Source
    unlearnt: np.ndarray = dataclasses.field(
        default_factory=lambda: np.zeros(0, np.int64)
    )

    @property
    def trained(self) -> np.ndarray | None:
        """The rows that training reads; None is all."""
        is_all = len(self.rows.trained) == self.dataset.records
        return None if is_all else self.rows.trained

    def labels_sha256(self) -> str:
        """A digest of all labels; of one column as former versions made it."""
        digest = hashlib.sha256()
        for column, codes in self.labels.items():
            # Blanks were the first class.
            digest.update((codes + (self.source.blanks[column] > 0)).tobytes())
        return digest.hexdigest()


def open_records(config: ml_collections.ConfigDict) -> TrainingRecords:
    """Opens what a config trains on.

    Raises:
      InputError: as of `opening.open_dataset`; no such label column or groups to hold
        out, nothing left to train on, or a class that nothing is left of.
    """
    dataset, channels = opening.open_dataset(config)
    every = classes.read_all(dataset.table, configs.label_columns(config))
    values, rest = config.data.label_values, config.data.label_rest
    found = classes.only(every, values, rest)
    rows = held_out.resolve(
        dataset.table, config.train.hold_out, config.train.validation
    )
    source = sources.of_records(channels, found, rows.trained)
    _check_classes(config, source)
    labels = {column: own.codes for column, own in found.items()}
    unlearnt = _unlearnt(config, labels, dataset.records)
    return TrainingRecords(dataset, channels, rows, labels, source, unlearnt)


def _unlearnt(config, labels: Codes, records: int) -> np.ndarray:
    """Rows without any of the values that are asked for.

    A method that needs labels learns nothing of them; another one may tell them from
    all others, as it may those with a blank cell.
    """
    needed = configs.labels_use(config) == "needed"
    if not (needed and config.data.label_values):
        return np.zeros(0, np.int64)
    known = np.zeros(records, bool)
    for codes in labels.values():
        known |= codes >= 0
    return np.flatnonzero(~known)


def _check_classes(config: ml_collections.ConfigDict, source: Source) -> None:
    """Raises where the records that are trained on do not tell the classes apart."""
    aside = [
        f"config.train.{key}={config.train[key]}"
        for key in ("hold_out", "validation")
        if config.train[key]
    ]
    needed = configs.labels_use(config) == "needed"
    for column, names in source.classes.items():
        counts = dict(zip(names, source.class_counts[column], strict=True))
        lost = [name for name, count in counts.items() if not count]
        if lost:
            raise InputError(
                f"{' and '.join(aside)} leaves no record of the {column} {lost[0]!r} "
                f"to train on ({len(lost)} of {len(names)} classes): hold other groups "
                "out, or name another config.data.label"
            )
        # Of chosen values a column may have one, and another column the next.
        together = sum(map(len, source.classes.values()))
        count = together if config.data.label_values else len(names)
        if needed and count < 2:
            raise InputError(
                f"config.data.label={column} has one class, {names[0]!r}, among the "
                "records that are trained on, and two are needed: name another column"
            )


def notes(records: TrainingRecords) -> list[str]:
    """What is worth a line about the records: how many are left out, and blank."""
    rows, lines = records.rows, []
    if len(rows.held_out) or len(rows.validated):
        lines.append(
            f"{len(rows.trained):,} records are trained on, {len(rows.validated):,} "
            f"validated by, {len(rows.held_out):,} held out"
        )
    if held_out.divides_plates(records.dataset.table, rows):
        lines.append(
            "held-out records share plates with others: their pixels, though no label "
            "of theirs, count in the grey levels and the illumination"
        )
    for column, count in records.source.blanks.items():
        if count:
            lines.append(
                f"{count:,} of {records.source.records:,} records have a blank {column}"
            )
    return lines
