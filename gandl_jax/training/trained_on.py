"""The records that a network has seen, with their labels: `trained_on.parquet`.

One row for each record that was seen, of any screen; imports nothing slow.
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

SHA256 = "trained_on_sha256"  # key of the file's digest in `config.json`


def write(
    workdir: epath.Path,
    records: TrainingRecords,
    start_from: epath.Path | None,
    more: pd.DataFrame | None = None,
) -> None:
    """Writes the table of a training, before its first step.

    Args:
      workdir: of the experiment.
      records: that it trains on.
      start_from: workdir of the training whose networks it starts from; records that
        those have seen count as seen. None if there is none.
      more: table of further records that count as seen, as from `read`.
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
    """Reads the table; None if a former version trained, which wrote none.

    Returns:
      Columns `screen`, its name; `metadata_sha256` of its table; `record_id`; `seen`,
      "trained" or "validated"; `labels`, the columns learnt, separated by commas, ""
      if none was.

    Raises:
      InputError: it is damaged or missing.
    """
    path, wanted = workdir / FILE, workdirs.noted(workdir, SHA256)
    if not path.exists() and not wanted:
        return None
    return read_file(path, wanted)


def _of_training(records: TrainingRecords) -> pd.DataFrame:
    dataset, labels = records.dataset, _learnt(records)
    rows_by_use = {TRAINED: records.rows.trained, VALIDATED: records.rows.validated}
    ids = dataset.table["Metadata_Record_ID"].to_numpy(str)
    tables = [
        pd.DataFrame({"record_id": ids[rows], "seen": use, "labels": labels[rows]})
        for use, rows in rows_by_use.items()
    ]
    return pd.concat(tables).assign(
        screen=dataset.name, metadata_sha256=dataset.metadata_sha256
    )


def _learnt(records: TrainingRecords) -> np.ndarray:
    """Returns the columns that are learnt of every record, [N] str."""
    columns = ",".join(records.source.classes)
    labels = np.full(len(records.dataset.table), columns, object)
    labels[records.unlearnt] = ""
    return labels


def _of_former_version(
    start_from: epath.Path, records: TrainingRecords
) -> pd.DataFrame:
    """Table of a training that wrote none: all records of this screen, or none."""
    dataset, ids = records.dataset, []
    if workdirs.noted(start_from, "metadata_sha256") == dataset.metadata_sha256:
        ids = dataset.table["Metadata_Record_ID"].to_numpy(str)
    return pd.DataFrame({"record_id": ids, "seen": TRAINED}).assign(
        screen=dataset.name,
        metadata_sha256=dataset.metadata_sha256,
        labels=workdirs.read_config(start_from).data.label,
    )


def _united(rows: pd.DataFrame) -> pd.DataFrame:
    """Merges the rows of each record: trained on in any, with the labels of all."""

    def all_labels(labels: pd.Series) -> str:
        columns = {column for text in labels for column in text.split(",") if column}
        return ",".join(sorted(columns))

    # "trained" sorts before "validated".
    return rows.groupby(KEY, as_index=False).agg({"seen": "min", "labels": all_labels})
