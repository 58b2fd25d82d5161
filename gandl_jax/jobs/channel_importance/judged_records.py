"""Records that channels are judged on: no network learnt their labels.

They were held out of training or, if none were, set aside for validation: those decided
when to stop, but taught nothing.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from gandl_jax import config as configs
from gandl_jax.errors import InputError, Skip
from gandl_jax.jobs.channel_importance.trainings import Trainings
from gandl_jax.profiles import groups
from gandl_jax.reading import tiling
from gandl_jax.reading.padding import Padding
from gandl_jax.reading.tiles import padded_size
from gandl_jax.tasks import classification
from gandl_jax.training import trained_on, training_records
from gandl_jax.training.training_records import TrainingRecords

HELD_OUT, VALIDATED = "held out of training", "set aside to validate by"
BLOCK_BYTES = 128_000_000  # of pixels, float32, that are in memory at a time (ours)
BLOCK_RECORDS = 256, 4  # in a block, at most and at least (ours)


@dataclasses.dataclass(frozen=True)
class Judged:
    """Judged records, with their classes, units and blocks.

    Attributes:
      records: the whole screen as the trainings learn from it.
      rows: [n] int64 of the screen's table, ascending.
      part: HELD_OUT or VALIDATED.
      codes: label column to [n] int class, -1 if blank.
      names: label column to the names of its classes.
      unit: that intervals resample: "well", or "record" if the screen has no wells.
      units: [n] str, the unit of each record.
      blocks: random parts of the rows, [b] int64 each, that are in memory together.
    """

    records: TrainingRecords
    rows: np.ndarray
    part: str
    codes: Mapping[str, np.ndarray]
    names: Mapping[str, tuple[str, ...]]
    unit: str
    units: np.ndarray
    blocks: tuple[np.ndarray, ...]

    @property
    def metadata(self) -> pd.DataFrame:
        """[n] rows of `Metadata_*` columns."""
        return self.records.dataset.table.iloc[self.rows]

    @property
    def ids(self) -> np.ndarray:
        """[n] str, the records' names."""
        return self.metadata["Metadata_Record_ID"].to_numpy(str)


def choose(trainings: Trainings, *, most: int, unit: str, seed: int) -> Judged:
    """Chooses the records, the same for all trainings.

    Args:
      trainings: whose networks are asked.
      most: records in all, as balanced over classes as possible. 0 is all.
      unit: that intervals resample, as in `config.evaluate.bootstrap_unit`.
      seed: of the drawn records.

    Raises:
      InputError: see `training_records.open_records`; or nothing was held out, or too
        few records are left.
    """
    records = training_records.open_records(trainings.config)
    rows, part = _unlearnt(trainings, records)
    columns = configs.label_columns(trainings.config)
    names = _class_names(records)
    codes = {column: records.labels[column][rows] for column in records.labels}
    is_known = np.zeros(len(rows), bool)
    for column_codes in codes.values():
        is_known |= (column_codes >= 0) & _is_drawn(column_codes, most, seed)
    rows = rows[is_known]
    codes = {column: class_codes[is_known] for column, class_codes in codes.items()}
    _check_enough(codes, part, columns)
    unit, units = _units(records.dataset.table.iloc[rows], unit)
    blocks = _blocks(rows, trainings, records, seed)
    return Judged(records, rows, part, codes, names, unit, units, blocks)


def _class_names(records: TrainingRecords) -> dict[str, tuple[str, ...]]:
    return {column: tuple(names) for column, names in records.source.classes.items()}


def _unlearnt(trainings: Trainings, records: TrainingRecords) -> tuple[np.ndarray, str]:
    """Returns rows whose labels no network has learnt, and why they were not learnt."""
    rows, part = records.rows.held_out, HELD_OUT
    if not len(rows):
        rows, part = records.rows.validated, VALIDATED
    if not len(rows):
        raise InputError(
            "config.train.hold_out and config.train.validation of "
            f"{trainings.whole[0].folder} leave no record whose label was not learnt: "
            "train again with records held out, as in --config.train.hold_out="
            "plate:0.33"
        )
    groups = (trainings.whole, *trainings.without.values())
    learnt = [_learnt(training.folder) for group in groups for training in group]
    ids = records.dataset.table["Metadata_Record_ID"].iloc[rows].astype(str)
    rows = rows[~ids.isin(set().union(*learnt)).to_numpy()]
    if not len(rows):
        raise InputError(
            f"all records that are {part} were learnt by what "
            f"{trainings.whole[0].folder} started from (config.train.start_from): "
            "start from a network that has not seen them"
        )
    return rows, part


def _learnt(folder) -> set[str]:
    """Returns names of the records of any screen whose labels a network learnt."""
    table = trained_on.read(folder)
    if table is None:  # a former version: it learnt only what its config says
        return set()
    has_learnt = (table["seen"] == trained_on.TRAINED) & (table["labels"] != "")
    return set(table.loc[has_learnt, "record_id"])


def _is_drawn(codes: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Draws records, if too many, as balanced over classes as possible: [n] bool."""
    if not most:
        return np.ones(len(codes), bool)
    classes_present = np.unique(codes[codes >= 0])
    most = max(most, len(classes_present))
    return classification.thinned(codes, most=most, seed=seed) >= 0


def _check_enough(codes: Mapping[str, np.ndarray], part: str, columns) -> None:
    """Refuses records without two classes of a label column."""
    for column, column_codes in codes.items():
        present = np.unique(column_codes[column_codes >= 0])
        if len(present) < 2:
            raise InputError(
                f"the records that are {part} have {len(present)} of the classes of "
                f"config.data.label={','.join(columns)} ({column}), and two are told "
                "apart: hold other groups out in config.train.hold_out"
            )


def _units(metadata: pd.DataFrame, unit: str) -> tuple[str, np.ndarray]:
    """Returns a unit and its [n] str; "record" if the screen lacks the unit."""
    key = "config.evaluate.bootstrap_unit"
    try:
        return unit, groups.groups(metadata, unit, key=key)
    except Skip:
        return "record", groups.groups(metadata, "record", key=key)


def _blocks(
    rows: np.ndarray, trainings: Trainings, records: TrainingRecords, seed: int
) -> tuple[np.ndarray, ...]:
    """Divides the rows at random into parts, within which channels are permuted."""
    data = trainings.config.data
    padding = Padding(data.pad_px, data.padding)
    size = padded_size(records.dataset, padding, data.crop_px)
    tiles = len(tiling.offsets(*size, data.crop_px))
    record_bytes = 4 * tiles * data.crop_px**2 * len(trainings.channels)
    most, least = BLOCK_RECORDS
    count = -(-len(rows) // max(least, min(most, BLOCK_BYTES // record_bytes)))
    shuffled = np.random.default_rng(seed).permutation(rows)
    return tuple(map(np.sort, np.array_split(shuffled, count)))
