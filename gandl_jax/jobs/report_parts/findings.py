"""What the rows of the tasks say, in words: which encoder is better, what rescues."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gandl_jax.tasks.dose_response import MAX_Q_EFFECT, NOT_APART

Row = Mapping[str, Any]
Table = Mapping[tuple[str, str, str], Mapping[str, Row]]  # (group, split, metric)
KINDS = ("trained", "untrained", "intensity")
METRIC = "balanced_accuracy"  # the one that the answer is about
HALF_WAY = 0.5  # a rescue that gets less far toward the wanted state is partial


def headline(rows: Iterable[Row], kinds: Mapping[str, str], features: str) -> Table:
    """Puts the rows to compare side by side.

    Args:
      rows: rows of control classification.
      kinds: as `feature_set.kinds` returns.
      features: the set of the network's features that is shown first.

    Returns:
      (group, split, metric) -> kind -> row.
    """
    kind_of = {encoder: kind for kind, encoder in kinds.items()}
    table: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        kind = kind_of.get(row["encoder"])
        if kind == "intensity" or (kind and row["features"] == features):
            place = (row["group"], row["split"], row["metric"])
            table.setdefault(place, {})[kind] = row
    return table


def gain(row: Row | None) -> str:
    """Says whether a row is `better`, `worse`, `unclear` or `unknown` to untrained."""
    difference = row and row.get("untrained_difference")
    if not difference or any(bad(difference[k]) for k in ("value", "low", "high")):
        return "unknown"
    if difference["low"] > 0:
        return "better"
    return "worse" if difference["high"] < 0 else "unclear"


def fair(table: Table) -> dict[tuple[str, str, str], Mapping[str, Row]]:
    """Keeps the places of the headline metric where nothing leaks.

    Args:
      table: as `headline` returns.
    """
    return {
        place: kinds
        for place, kinds in table.items()
        if place[2] == METRIC and "trained" in kinds and not kinds["trained"]["leaky"]
    }


def bad(value: float | None) -> bool:
    """True where there is no number."""
    return value is None or math.isnan(value)


def score_answer(table: Table) -> str:
    """Answers whether training helped, where no plate or row is on both sides.

    Args:
      table: as `headline` returns.

    Returns:
      The answer, ready for `comparisons` to follow.
    """
    places = fair(table)
    if not places:
        return (
            "Whether training helped cannot be said: there is no score of a trained "
            "encoder with whole plates or rows left out."
        )
    splits = " or ".join(f"{split}s" for split in sorted({p[1] for p in places}))
    gains = [gain(kinds["trained"]) for kinds in places.values()]
    known = [g for g in gains if g != "unknown"]
    return (
        f"With whole {splits} left out, the trained network tells the two controls "
        f"apart {_better(known)}. Balanced accuracy of sites (0.5 is guessing):"
    )


def comparisons(table: Table) -> list[str]:
    """The scores behind the answer, one line for each group.

    Args:
      table: as `headline` returns.
    """
    return [_compare(place, kinds) for place, kinds in fair(table).items()]


def _better(gains: Sequence[str]) -> str:
    if not gains:
        return "(no untrained network was scored beside it)"
    count, wins = len(gains), gains.count("better")
    if wins == count:
        return "better than the same network untrained"
    if wins:
        return f"better than the same network untrained in {wins} of {count} groups"
    if gains.count("worse") == count:
        return "worse than the same network untrained"
    return "no better than the same network untrained, as far as the data can show"


def _compare(place: tuple[str, str, str], kinds: Mapping[str, Row]) -> str:
    values = [f"{kind} {kinds[kind]['value']:.2f}" for kind in KINDS if kind in kinds]
    words = f"{place[0] or 'all'}: {', '.join(values)}"
    if gain(kinds["trained"]) != "unknown":
        difference = kinds["trained"]["untrained_difference"]
        words += (
            "; trained − untrained {value:+.2f}, 95 % interval {low:+.2f} to "
            "{high:+.2f}".format(**difference).replace("-", "−")
        )
    return words


def rises(row: Row) -> bool:
    """True where a fitted curve goes up with the dose, toward the wanted state."""
    return row["status"] == "fitted" and (row["top"] - row["bottom"]) * row["slope"] > 0


def full(row: Row) -> bool:
    """True where the curve gets half way to the wanted state at a dose that was tested.

    Its top is of no use here: it may lie far beyond the doses.
    """
    reached = row["response_at_highest_dose"]
    return rises(row) and not bad(reached) and reached >= HALF_WAY


def rank(rows: Iterable[Row]) -> list[Row]:
    """Orders curves: rescues at least half way, partial ones, falling, unsure, flat.

    Within the rescues the most potent (lowest EC50) comes first.

    Args:
      rows: rows of dose response of one feature set.
    """

    def place(row: Row) -> tuple:
        if rises(row):
            return (0 if full(row) else 1, row["ec50_um"], row["treatment"])
        others = {"fitted": 2, "no effect": 4}
        return (others.get(row["status"], 3), 0.0, row["treatment"])

    return sorted(rows, key=place)


def curves(
    rows: Iterable[Row], kinds: Mapping[str, str], features: str
) -> dict[str, list[Row]]:
    """Sorts the curves by the kind of encoder.

    Args:
      rows: rows of dose response.
      kinds: as `feature_set.kinds` returns.
      features: the set of the network's features that is shown.

    Returns:
      kind -> ranked rows, in the order of `KINDS`; kinds without curves are left out.
    """
    rows = list(rows)
    found = {}
    for kind in (kind for kind in KINDS if kind in kinds):
        place = kinds[kind], "intensity" if kind == "intensity" else features
        found[kind] = rank(r for r in rows if (r["encoder"], r["features"]) == place)
    return {kind: ranked for kind, ranked in found.items() if ranked}


def dose_answer(curves: Mapping[str, Sequence[Row]]) -> str:
    """Counts the compounds with a fitted rescue.

    Args:
      curves: as `curves` returns; the first kind is told in full.
    """
    if not curves:
        return "There are no dose-response curves."
    (_, rows), *others = curves.items()
    up = [row for row in rows if rises(row)]
    falling = sum(row["status"] == "fitted" for row in rows) - len(up)
    flat = sum(row["status"] == "no effect" for row in rows)
    apart = sum(row["status"] == NOT_APART for row in rows)
    unsure = len(rows) - len(up) - falling - flat - apart
    rising = f"{len(up)} rising"
    if up:
        half = sum(map(full, up))
        rising += f" ({half} at least half way to the wanted state at the highest dose)"
    words = (
        f"Of {len(rows)} dose-response curves: {rising}, {falling} falling, {unsure} "
        f"whose EC50 the doses do not pin down, {flat} without effect."
    )
    if apart:
        words += f" {apart} have no curve: the controls beside are not told apart."
    words += _false_words(rows)
    for kind, rows in others:
        words += f" From {kind} features {sum(map(rises, rows))} rise."
    return words


def _false_words(rows: Iterable[Row]) -> str:
    """How many curves are an effect, whatever its direction, and how many falsely."""
    q_values = [row["q_effect"] for row in rows]
    count = sum(not bad(q) and q < MAX_Q_EFFECT for q in q_values)
    if not count:
        return ""
    return (
        f" An effect of the dose is called for {count} of them (Benjamini-Hochberg "
        f"q < {MAX_Q_EFFECT:g}): up to {MAX_Q_EFFECT:.0%} of those called, about "
        f"{MAX_Q_EFFECT * count:.2g}, are expected to be false."
    )
