"""Training batches that say of which record each crop is, in an order of their own."""

import dataclasses

import numpy as np

from gandl_jax.training.training_records import TrainingRecords

RECORD = "generated_quality/record"  # among the labels of batches: the table's row
_SEEDS = 2**20  # added to the seed of the crops' order: it is no training's


def with_rows(records: TrainingRecords) -> TrainingRecords:
    """The same records, with the table's row of each, `RECORD`, as a label."""
    rows = {RECORD: np.arange(records.dataset.records, dtype=np.int32)}
    return dataclasses.replace(records, labels=records.labels | rows)


def order_seed(config) -> int:
    """The seed of the order of crops that generated images are compared with."""
    return _SEEDS + config.generated_quality.seed
