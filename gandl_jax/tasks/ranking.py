"""What a choice comes to: candidates in order, and the one to use."""

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
    """Candidates by their mean inner score, every split and cell model weighing alike.

    Args:
      table: rows of candidates, of all questions of a task.

    Returns:
      Of each candidate `KEYS`, its mean score, and whether any of its scores is
      marked; equals in the order of the table.
    """
    found: dict[tuple, list[Row]] = {}
    for row in table:
        found.setdefault(tuple(row[key] for key in KEYS), []).append(row)
    means = [
        dict(zip(KEYS, key, strict=True))
        | {SCORE: float(np.mean([row[SCORE] for row in rows]))}
        | {marks.LABELS: any(map(marks.learnt, rows))}
        for key, rows in found.items()
    ]
    return sorted(means, key=lambda row: -row[SCORE])


def recommendation(task: str, table: Sequence[Row]) -> dict[str, Any] | None:
    """The candidate that inner folds score highest, on average over a task's splits.

    An encoder that learnt labels of the records that they score is passed over.

    Args:
      task: its name.
      table: rows of candidates, of all questions of the task.

    Returns:
      The candidate, its mean inner score, "flags" that make it the headline, and
      "note": a sentence where it is not of the last trained encoder, else "". None
      where every encoder is passed over.
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
    """The best candidates with their mean inner scores, as aligned text.

    Args:
      table: rows of candidates, of all questions of a task.
    """
    ranked = best_first(table)
    keys = KEYS[1:]
    lines = [
        [*(str(row[key]) for key in keys), marks.told(f"{row[SCORE]:.3f}", row)]
        for row in ranked
    ]
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    header = [[*keys, "inner score"]]
    return "\n".join([*aligned(header + lines[:SHOWN]), *more])


def _note(best: Row, ranked: Sequence[Row]) -> str:
    trained = roles(row["encoder"] for row in ranked).get("trained")
    if trained in (None, best["encoder"]):
        return ""
    own = next(row for row in ranked if row["encoder"] == trained)
    if marks.learnt(own):
        return (
            f"{trained} is passed over, for it learnt labels of the records that "
            "candidates are scored on"
        )
    return (
        f"{best['set']} is not of the last trained encoder, {trained}, whose best is "
        f"{own['features']} with {own['normalize']}: {own[SCORE]:.3f} in inner folds, "
        f"against {best[SCORE]:.3f}"
    )
