"""Writes the scores of a compared sweep as a table that is kept with the code."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from etils import epath

from gandl_jax import csv_files
from gandl_jax.jobs.compare import answer
from gandl_jax.jobs.compare.arm_costs import Cost, memory_bytes
from gandl_jax.judging.judged import TRAINED, flat

ENDING, PARTS_ENDING = "_compared.csv", "_parts.csv"
LEADS = "leads"  # column: whether the row's question leads


def write(
    path_stem: epath.Path,
    contents: Sequence[Mapping[str, Any]],
    differences: Sequence[Mapping[str, Any]],
    cost: Mapping[str, Cost],
) -> list[epath.Path]:
    """Writes a row for each question, arm and role, and the differences, if any.

    Args:
      path_stem: folder and name, without an ending.
      contents: of each task, as the job writes them.
      differences: as of `parts.rows`.
      cost: arm to its costs.

    Returns:
      The files. In the first, besides the columns of the page's data/scores.csv, each
      row says whether its question leads and, for a trained network, "seconds" of its
      training (the mean over seeds) and "memory_bytes" (the highest).
    """
    path = epath.Path(f"{path_stem}{ENDING}")
    path.parent.mkdir(parents=True, exist_ok=True)
    csv_files.write(path, pd.DataFrame(_rows(contents, cost)))
    if not differences:
        return [path]
    parts_path = epath.Path(f"{path_stem}{PARTS_ENDING}")
    csv_files.write(parts_path, pd.DataFrame(differences))
    return [path, parts_path]


def _rows(
    contents: Sequence[Mapping[str, Any]], cost: Mapping[str, Cost]
) -> Iterator[dict[str, Any]]:
    rows_of_question = answer.questions(contents)
    first = answer.leading(rows_of_question)
    for question, rows in rows_of_question.items():
        for row in rows:
            arm_cost = cost.get(row["arm"], {}) if row["role"] == TRAINED else {}
            yield flat(row) | {
                LEADS: question == first,
                "seconds": arm_cost.get("seconds"),
                "memory_bytes": memory_bytes(arm_cost),
            }
