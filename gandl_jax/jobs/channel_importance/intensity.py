"""Floor: classes named by plain intensities, learnt from the same records.

A network that does no better may use only brightness, and what it shows of channels
concerns their brightness.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gandl_jax.jobs.channel_importance.judged_records import Judged
from gandl_jax.jobs.channel_importance.saved_tables import SavedTables
from gandl_jax.progress import Progress
from gandl_jax.reading import tiles
from gandl_jax.tasks import classification, fold_svms
from gandl_jax.tasks.fold_svms import Fold, FoldData
from gandl_jax.training.training_records import TrainingRecords

MOST = 10_000  # of training records that are used (ours)
STEP = 256  # records between two lines of progress
ROW = "row"


def named(
    judged: Judged,
    rows: np.ndarray,
    kept: SavedTables,
    on_bad,
    *,
    svm_c: float,
    seed: int,
) -> dict[str, np.ndarray]:
    """Names classes by a linear SVM on each channel's mean and deviation.

    Args:
      judged: the records that are judged.
      rows: [m] judged records that the networks answered about, ascending.
      kept: earlier measurements.
      on_bad: called with records that cannot be read; None raises instead.
      svm_c: config.evaluate.svm_c.
      seed: of the drawn records.

    Returns:
      Label to [m] int64 class.
    """
    records, classes_of_label = judged.records, {}
    for label, codes in records.labels.items():
        trained = _drawn(records, codes, seed)
        needed_rows = np.union1d(trained, rows)
        table = _measured(records, label, needed_rows, kept, on_bad)
        measured = table[ROW].astype(np.int64).to_numpy()
        features = table.drop(columns=ROW).astype(np.float32).to_numpy()
        learnt = np.flatnonzero(np.isin(measured, trained))
        tested = np.searchsorted(measured, rows)
        classes_of_label[label] = _decided(
            features, codes[measured], learnt, tested, svm_c, seed
        )
    return classes_of_label


def _drawn(records: TrainingRecords, codes: np.ndarray, seed: int) -> np.ndarray:
    """Draws rows of training records with a label, balanced over classes."""
    trained = records.rows.trained
    kept = classification.thinned(codes[trained], most=MOST, seed=seed) >= 0
    return trained[kept]


def _measured(
    records: TrainingRecords, label: str, rows: np.ndarray, kept: SavedTables, on_bad
) -> pd.DataFrame:
    channels = list(records.channels)
    names = [
        f"{statistic} of {name}" for statistic in ("mean", "sd") for name in channels
    ]

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
        batch = rows[start : start + STEP]
        measured, features = tiles.site_intensities(
            records.dataset, None, records.channels, on_bad, batch
        )
        tables.append(pd.DataFrame(features, columns=list(names)))
        tables[-1].insert(0, ROW, measured)
        line.update(len(batch))
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
    """Returns [n] int64 classes of the tested rows, among those that were learnt."""
    present, class_index = np.unique(codes[learnt], return_inverse=True)
    all_classes = np.zeros(len(codes), np.int64)
    all_classes[learnt] = class_index
    given = FoldData(
        features,
        np.full(len(codes), "all"),
        all_classes,
        "standard",
        {"svm_c": svm_c, "seed": seed},
    )
    (decisions,), _ = fold_svms.decide(given, [Fold(learnt, learnt, tested)])
    return present[decisions.argmax(1)]
