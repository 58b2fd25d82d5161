"""The floor: which classes plain intensities name, learnt from the same records.

A network that does no better has learnt to look at no more than brightness, and what it
says of channels is of their brightness.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gandl_jax.jobs.channel_importance.judged_records import Judged
from gandl_jax.jobs.channel_importance.kept import Kept
from gandl_jax.progress import Progress
from gandl_jax.reading import tiles
from gandl_jax.tasks import classification, fold_svms
from gandl_jax.tasks.fold_svms import Fold, Given
from gandl_jax.training.training_records import TrainingRecords

MOST = 10_000  # training records that are learnt from (ours)
STEP = 256  # records between two lines of progress
ROW = "row"


def named(
    judged: Judged,
    rows: np.ndarray,
    kept: Kept,
    on_bad,
    *,
    svm_c: float,
    seed: int,
) -> dict[str, np.ndarray]:
    """The class that a linear SVM names by each channel's mean and deviation.

    Args:
      judged: the records that are judged.
      rows: [m] of them, ascending, that the networks answered about.
      kept: what was measured before.
      on_bad: takes note of records that cannot be read; None fails.
      svm_c: as of config.evaluate.
      seed: of what is drawn.

    Returns:
      Label to [m] int64 class.
    """
    records, made = judged.records, {}
    for label, codes in records.labels.items():
        trained = _drawn(records, codes, seed)
        every = np.union1d(trained, rows)
        table = _measured(records, label, every, kept, on_bad)
        measured = table[ROW].astype(np.int64).to_numpy()
        features = table.drop(columns=ROW).astype(np.float32).to_numpy()
        learnt = np.flatnonzero(np.isin(measured, trained))
        tested = np.searchsorted(measured, rows)
        made[label] = _decided(features, codes[measured], learnt, tested, svm_c, seed)
    return made


def _drawn(records: TrainingRecords, codes: np.ndarray, seed: int) -> np.ndarray:
    """Rows of training records with a label, as many of each class as can be."""
    trained = records.rows.trained
    kept = classification.thinned(codes[trained], most=MOST, seed=seed) >= 0
    return trained[kept]


def _measured(
    records: TrainingRecords, label: str, rows: np.ndarray, kept: Kept, on_bad
) -> pd.DataFrame:
    channels = list(records.channels)
    names = [f"{what} of {name}" for what in ("mean", "sd") for name in channels]

    def make() -> pd.DataFrame:
        return _measure(records, names, rows, on_bad)

    made_from = {"rows": rows, "channels": channels}
    return kept.table(f"intensity-{label}", made_from, [ROW, *names], make)


def _measure(
    records: TrainingRecords, names: Sequence[str], rows: np.ndarray, on_bad
) -> pd.DataFrame:
    line = Progress("intensity", len(rows), "records")
    tables = []
    for start in range(0, len(rows), STEP):
        some = rows[start : start + STEP]
        measured, features = tiles.site_intensities(
            records.dataset, None, records.channels, on_bad, some
        )
        tables.append(pd.DataFrame(features, columns=list(names)))
        tables[-1].insert(0, ROW, measured)
        line.update(len(some))
    line.close()
    return pd.concat(tables)


def _decided(
    features: np.ndarray,
    codes: np.ndarray,
    learnt: np.ndarray,
    tested: np.ndarray,
    svm_c: float,
    seed: int,
) -> np.ndarray:
    """[n] int64 classes of the tested rows, of whichever the learnt ones are."""
    present, own = np.unique(codes[learnt], return_inverse=True)
    every = np.zeros(len(codes), np.int64)
    every[learnt] = own
    given = Given(
        features,
        np.full(len(codes), "all"),
        every,
        "standard",
        {"svm_c": svm_c, "seed": seed},
    )
    (decisions,), _ = fold_svms.decide(given, [Fold(learnt, learnt, tested)])
    return present[decisions.argmax(1)]
