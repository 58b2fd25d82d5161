"""Ranking of candidates by their inner scores, and the recommended one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax.profiles.feature_set import roles
from gandl_jax.tasks import marks
from gandl_jax.tasks.choice import SCORE
from gandl_jax.tasks.score_table import aligned

SHOWN = 8  # candidates in the printed table
KEYS = ("set", "encoder", "features", "normalize", "svm_c")
NONE = (
    "None is recommended: every encoder learnt labels of the records that candidates "
    "are scored on"
)

Row = Mapping[str, Any]


def best_first(table: Sequence[Row]) -> list[dict[str, Any]]:
    """Sorts candidates by mean inner score; splits and cell models weigh equally.

    Args:
      table: rows of candidates, of all questions of a task.

    Returns:
      For each candidate `KEYS`, its mean score, and whether any of its scores is
      marked; ties in the order of the table.
    """
    rows_by_key: dict[tuple, list[Row]] = {}
    for row in table:
        rows_by_key.setdefault(tuple(row[key] for key in KEYS), []).append(row)
    means = [
        dict(zip(KEYS, key, strict=True))
        | {SCORE: float(np.mean([row[SCORE] for row in rows]))}
        | {marks.LABELS: any(map(marks.learnt, rows))}
        for key, rows in rows_by_key.items()
    ]
    return sorted(means, key=lambda row: -row[SCORE])


def recommendation(task: str, table: Sequence[Row]) -> dict[str, Any] | None:
    """Returns the candidate with the highest inner score, averaged over splits.

    Encoders that learnt labels of the scored records are passed over.

    Args:
      task: its name.
      table: rows of candidates, of all questions of the task.

    Returns:
      The candidate, its mean inner score, "flags" that make it the headline, and
      "note": a sentence if it is not of the last trained encoder, else "". None if
      every encoder is passed over.
    """
    ranked = best_first(table)
    best = next((row for row in ranked if not marks.learnt(row)), None)
    if best is None:
        return None
    keys = {
        "features": "features",
        f"{task}.normalize": "normalize",
        "svm_c": "svm_c",
    }
    flags = " ".join(f"--config.evaluate.{k}={best[v]}" for k, v in keys.items())
    return {**best, "flags": flags, "note": _note(best, ranked)}


def text(table: Sequence[Row]) -> str:
    """Writes the best candidates with their mean inner scores as aligned text.

    Args:
      table: rows of candidates, of all questions of a task.
    """
    ranked = best_first(table)
    keys = KEYS[1:]
    lines = [
        [*(str(row[key]) for key in keys), marks.marked(f"{row[SCORE]:.3f}", row)]
        for row in ranked
    ]
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    header = [[*keys, "inner score"]]
    return "\n".join([*aligned(header + lines[:SHOWN]), *more])


def _note(best: Row, ranked: Sequence[Row]) -> str:
    trained = roles(row["encoder"] for row in ranked).get("trained")
    if trained in (None, best["encoder"]):
        return ""
    trained_best = next(row for row in ranked if row["encoder"] == trained)
    if marks.learnt(trained_best):
        return (
            f"{trained} is passed over, for it learnt labels of the records that "
            "candidates are scored on"
        )
    return (
        f"{best['set']} is not of the last trained encoder, {trained}, whose best is "
        f"{trained_best['features']} with {trained_best['normalize']}: "
        f"{trained_best[SCORE]:.3f} in inner folds, against {best[SCORE]:.3f}"
    )
