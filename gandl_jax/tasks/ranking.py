"""What a choice comes to: candidates in order, and the one to use."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax.profiles.feature_set import kinds
from gandl_jax.tasks.choice import SCORE
from gandl_jax.tasks.score_table import aligned

SHOWN = 8  # candidates in the printed table
KEYS = ("set", "encoder", "features", "normalize", "svm_c")

Row = Mapping[str, Any]


def best_first(table: Sequence[Row]) -> list[dict[str, Any]]:
    """Candidates by their mean inner score, every split and cell model weighing alike.

    Args:
      table: rows of candidates, of all questions of a task.

    Returns:
      Of each candidate `KEYS` and its mean score; equals in the order of the table.
    """
    scores: dict[tuple, list[float]] = {}
    for row in table:
        scores.setdefault(tuple(row[key] for key in KEYS), []).append(row[SCORE])
    means = [
        dict(zip(KEYS, key, strict=True)) | {SCORE: float(np.mean(values))}
        for key, values in scores.items()
    ]
    return sorted(means, key=lambda row: -row[SCORE])


def recommendation(task: str, table: Sequence[Row]) -> dict[str, Any]:
    """The candidate that inner folds score highest, on average over a task's splits.

    Args:
      task: its name.
      table: rows of candidates, of all questions of the task.

    Returns:
      The candidate, its mean inner score, "flags" that make it the headline, and
      "note": a sentence where it is not of the last trained encoder, else "".
    """
    ranked = best_first(table)
    best = ranked[0]
    keys = {
        "features": "features",
        f"{task}.normalize": "normalize",
        "svm_c": "svm_c",
    }
    flags = " ".join(f"--config.evaluate.{k}={best[v]}" for k, v in keys.items())
    return {**best, "flags": flags, "note": _note(ranked)}


def text(table: Sequence[Row]) -> str:
    """The best candidates with their mean inner scores, as aligned text.

    Args:
      table: rows of candidates, of all questions of a task.
    """
    ranked = best_first(table)
    keys = KEYS[1:]
    lines = [[*(str(row[key]) for key in keys), f"{row[SCORE]:.3f}"] for row in ranked]
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    header = [[*keys, "inner score"]]
    return "\n".join([*aligned(header + lines[:SHOWN]), *more])


def _note(ranked: Sequence[Row]) -> str:
    best, trained = ranked[0], kinds(row["encoder"] for row in ranked).get("trained")
    if trained in (None, best["encoder"]):
        return ""
    own = next(row for row in ranked if row["encoder"] == trained)
    return (
        f"{best['set']} is not of the last trained encoder, {trained}, whose best is "
        f"{own['features']} with {own['normalize']}: {own[SCORE]:.3f} in inner folds, "
        f"against {best[SCORE]:.3f}"
    )
