"""Which records a network has seen, and with which labels: `trained_on.parquet`.

One row for each record that was seen, of whatever screen; imports nothing slow.
"""

import hashlib
import io

import numpy as np
import pandas as pd
from etils import epath

from gandl_jax import files
from gandl_jax import workdir as workdirs
from gandl_jax.training.trained_on_table import (
    COLUMNS,
    FILE,
    KEY,
    TRAINED,
    VALIDATED,
    read_file,
)
from gandl_jax.training.training_records import TrainingRecords

SHA256 = "trained_on_sha256"  # in `config.json`: of the file


def write(
    workdir: epath.Path,
    records: TrainingRecords,
    start_from: epath.Path | None,
    more: pd.DataFrame | None = None,
) -> None:
    """Writes what a training reads, before its first step.

    Args:
      workdir: of the experiment.
      records: that it trains on.
      start_from: workdir of the training whose networks it starts from; what those
        have seen counts as seen. None where it starts from none, or from a file.
      more: as of `read`, what counts as seen besides.
    """
    rows, others = _of_training(records), [] if more is None else [more]
    if start_from:
        former = read(start_from)
        if former is None:
            former = _of_former_version(start_from, records)
        others.append(former)
    if others:
        rows = _united(pd.concat([rows, *others]))
    buffer = io.BytesIO()
    rows[COLUMNS].reset_index(drop=True).to_parquet(buffer)
    content = buffer.getvalue()
    files.replace(workdir / FILE, content)
    workdirs.note(workdir, SHA256, hashlib.sha256(content).hexdigest())


def read(workdir: epath.Path) -> pd.DataFrame | None:
    """The table, or None where a former version trained, which wrote none.

    Returns:
      `screen`, its name; `metadata_sha256`, of its table; `record_id`; `seen`,
      "trained" or "validated"; `labels`, the columns learnt, with commas between, ""
      where none was.

    Raises:
      InputError: it is damaged or gone.
    """
    path, wanted = workdir / FILE, workdirs.noted(workdir, SHA256)
    if not path.exists() and not wanted:
        return None
    return read_file(path, wanted)


def _of_training(records: TrainingRecords) -> pd.DataFrame:
    dataset, labels = records.dataset, _learnt(records)
    parts = {TRAINED: records.rows.trained, VALIDATED: records.rows.validated}
    ids = dataset.table["Metadata_Record_ID"].to_numpy(str)
    made = [
        pd.DataFrame({"record_id": ids[rows], "seen": s, "labels": labels[rows]})
        for s, rows in parts.items()
    ]
    return pd.concat(made).assign(
        screen=dataset.name, metadata_sha256=dataset.metadata_sha256
    )


def _learnt(records: TrainingRecords) -> np.ndarray:
    """[N] str, of every record the columns that are learnt."""
    columns = ",".join(records.source.classes)
    found = np.full(len(records.dataset.table), columns, object)
    found[records.unlearnt] = ""
    return found


def _of_former_version(
    start_from: epath.Path, records: TrainingRecords
) -> pd.DataFrame:
    """What a training that kept no table saw of this screen: all of it, or nothing."""
    dataset, ids = records.dataset, []
    if workdirs.noted(start_from, "metadata_sha256") == dataset.metadata_sha256:
        ids = dataset.table["Metadata_Record_ID"].to_numpy(str)
    return pd.DataFrame({"record_id": ids, "seen": TRAINED}).assign(
        screen=dataset.name,
        metadata_sha256=dataset.metadata_sha256,
        labels=workdirs.read_config(start_from).data.label,
    )


def _united(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each record: trained on by either, with the labels of both."""

    def all_labels(texts: pd.Series) -> str:
        words = {word for text in texts for word in text.split(",") if word}
        return ",".join(sorted(words))

    # "trained" sorts before "validated".
    return rows.groupby(KEY, as_index=False).agg({"seen": "min", "labels": all_labels})
