"""The records that an experiment trains on, and their labels.

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
from gandl_jax.training import balancing, extra_records, held_out, opening, sources

Codes = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class TrainingRecords:
    """The records of a prepared screen that an experiment trains on.

    Attributes:
      dataset: the screen, with all its records.
      channels: that are used.
      rows: of the records that are trained on, validated by and held out.
      labels: {column: [N] int32}, class of each record, -1 if blank.
      source: of the records that are trained on.
      unlearnt: [n] int64 rows of which no label is learnt.
      shown: [n] int64 rows of an epoch, ascending, with records of other screens after
        the screen's own, and with repeats; None if all that are trained on come once.
      extra: records of other screens that join; None if there are none.
    """

    dataset: prepared.Prepared
    channels: tuple[str, ...]
    rows: held_out.Rows
    labels: Codes
    source: Source
    unlearnt: np.ndarray = dataclasses.field(
        default_factory=lambda: np.zeros(0, np.int64)
    )
    shown: np.ndarray | None = None
    extra: extra_records.Extra | None = None

    @property
    def trained(self) -> np.ndarray | None:
        """Rows that training reads; None if all are read, once each."""
        if self.shown is not None:
            return self.shown
        is_all = len(self.rows.trained) == self.dataset.records
        return None if is_all else self.rows.trained

    def labels_sha256(self) -> str:
        """Returns a digest of all labels; one column's equals former versions'."""
        digest = hashlib.sha256()
        for column, codes in self.labels.items():
            # In former versions blanks were the first class.
            digest.update((codes + (self.source.blanks[column] > 0)).tobytes())
        return digest.hexdigest()


def open_records(config: ml_collections.ConfigDict) -> TrainingRecords:
    """Opens the records that a config trains on.

    Raises:
      InputError: as in `opening.open_dataset` and `extra_records.join`; no such label
        column or groups to hold out, nothing left to train on, or a class without a
        record.
    """
    dataset, channels = opening.open_dataset(config)
    all_classes = classes.read_all(dataset.table, configs.label_columns(config))
    values, rest = config.data.label_values, config.data.label_rest
    learnt_classes = classes.only(all_classes, values, rest)
    rows = held_out.resolve(
        dataset.table, config.train.hold_out, config.train.validation
    )
    _check_classes(config, sources.make_source(channels, learnt_classes, rows.trained))
    extra, shown = None, None
    if config.data.extra:
        column_classes = balancing.one_column(config, learnt_classes)
        extra = extra_records.join(config, dataset, channels, column_classes, rows)
        dataset, learnt_classes = extra.dataset, {column_classes.column: extra.classes}
        shown = np.concatenate([rows.trained, extra.rows])
    if config.data.oversample:
        column_classes = balancing.one_column(config, learnt_classes)
        before = rows.trained if shown is None else shown
        shown = balancing.oversampled(column_classes.codes, before, config.seed)
    source = sources.make_source(
        channels, learnt_classes, rows.trained if shown is None else shown
    )
    labels = {
        column: column_classes.codes
        for column, column_classes in learnt_classes.items()
    }
    unlearnt = _unlearnt(config, labels, dataset.records)
    return TrainingRecords(
        dataset, channels, rows, labels, source, unlearnt, shown, extra
    )


def _unlearnt(config, labels: Codes, records: int) -> np.ndarray:
    """Returns the rows without any of `config.data.label_values`.

    A method that needs labels does not learn from them; other methods may use them, as
    they may use records with a blank label.
    """
    needed = configs.labels_use(config) == "needed"
    if not (needed and config.data.label_values):
        return np.zeros(0, np.int64)
    known = np.zeros(records, bool)
    for codes in labels.values():
        known |= codes >= 0
    return np.flatnonzero(~known)


def _check_classes(config: ml_collections.ConfigDict, source: Source) -> None:
    """Refuses training records that lack a class, or have only one."""
    settings = [
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
                f"{' and '.join(settings)} leaves no record of the {column} "
                f"{lost[0]!r} to train on ({len(lost)} of {len(names)} classes): hold "
                "other groups out, or name another config.data.label"
            )
        # Chosen values may be spread over columns, one in each.
        together = sum(map(len, source.classes.values()))
        count = together if config.data.label_values else len(names)
        if needed and count < 2:
            raise InputError(
                f"config.data.label={column} has one class, {names[0]!r}, among the "
                "records that are trained on, and two are needed: name another column"
            )


def notes(records: TrainingRecords) -> list[str]:
    """Returns notes for the log: records held out, added, repeated and blank."""
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
    if records.extra:
        lines.append(
            f"{len(records.extra.rows):,} records of other screens fill classes up "
            "(config.data.extra)"
        )
    if records.shown is not None:
        counts = records.source.class_counts.values()
        lines.append(
            f"an epoch shows {len(records.shown):,} records, of the classes "
            f"{' and '.join(', '.join(map(str, numbers)) for numbers in counts)}"
        )
    for column, count in records.source.blanks.items():
        if count:
            lines.append(
                f"{count:,} of {records.source.records:,} records have a blank {column}"
            )
    return lines
