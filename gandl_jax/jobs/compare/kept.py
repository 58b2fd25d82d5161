"""The scores of a compared sweep as a table that is kept with the code."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import csv_files
from gandl_jax.jobs.compare import answer
from gandl_jax.jobs.compare.spent import Cost, memory_bytes
from gandl_jax.judging.judged import TRAINED, flat

ENDING = "_compared.csv"
LEADS = "leads"  # whether a row is of the question that leads


def write(
    place: epath.Path,
    contents: Sequence[Mapping[str, Any]],
    cost: Mapping[str, Cost],
) -> epath.Path:
    """Writes a row for each question, arm and role.

    Args:
      place: folder and name, without an ending.
      contents: of each task, as the job keeps them.
      cost: arm to its figures.

    Returns:
      The file. Beside what the page's data/scores.csv has, each row says whether its
      question leads and, where it is of a trained network, "seconds" of its training
      (the mean over seeds) and "memory_bytes" (the highest).
    """
    path = epath.Path(f"{place}{ENDING}")
    path.parent.mkdir(parents=True, exist_ok=True)
    csv_files.write(path, pd.DataFrame(_rows(contents, cost)))
    return path


def _rows(
    contents: Sequence[Mapping[str, Any]], cost: Mapping[str, Cost]
) -> Iterator[dict[str, Any]]:
    asked = answer.questions(contents)
    first = answer.leading(asked)
    for words, rows in asked.items():
        for row in rows:
            own = cost.get(row["arm"], {}) if row["role"] == TRAINED else {}
            yield flat(row) | {
                LEADS: words == first,
                "seconds": own.get("seconds"),
                "memory_bytes": memory_bytes(own),
            }
