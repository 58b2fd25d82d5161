"""Streams of training batches with the record of each crop, in a separate order."""

import dataclasses

import numpy as np

from gandl_jax.training.training_records import TrainingRecords

RECORD = "generated_quality/record"  # label of batches: row of the screen's table
_SEEDS = 2**20  # added to the seed, so that the order of crops is no training's


def with_rows(records: TrainingRecords) -> TrainingRecords:
    """Adds each record's row of the table as a label, `RECORD`."""
    rows = {RECORD: np.arange(records.dataset.records, dtype=np.int32)}
    return dataclasses.replace(records, labels=records.labels | rows)


def order_seed(config) -> int:
    """Returns the seed of the order of crops to compare generated images with."""
    return _SEEDS + config.generated_quality.seed
