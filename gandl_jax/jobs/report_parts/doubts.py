"""What a careful reader would hold against the report's answer."""

import math
from collections.abc import Iterable, Iterator, Sequence

from gandl_jax.jobs.report_parts import findings
from gandl_jax.jobs.report_parts.findings import Row
from gandl_jax.tasks.dose_response import NOT_APART

WIDE_FOLD = 10  # an EC50 interval that spans more than this pins down little
FEW_PLATES = 4
FEW_WELLS = 12  # two at each of six doses


def doubts(table: findings.Table, curves: Sequence[Row]) -> list[str]:
    """Lists what a careful reader would hold against the answer.

    Args:
      table: as `findings.headline` returns.
      curves: rows of dose response of the feature set that is shown.

    Returns:
      Sentences, the gravest first.
    """
    trained = [kinds["trained"] for kinds in table.values() if "trained" in kinds]
    places = findings.fair(table)
    rows = [kinds["trained"] for kinds in places.values()]
    return [
        *_training_doubts(places),
        *_split_doubts(trained),
        *_plate_doubts(rows, curves),
        *_curve_doubts(curves),
    ]


def _training_doubts(places: findings.Table) -> Iterator[str]:
    rows = [kinds["trained"] for kinds in places.values()]
    weak = _groups(row for row in rows if findings.gain(row) in ("unclear", "worse"))
    if weak:
        yield (
            f"Training has not been shown to help in {weak}: what the page says about "
            "compounds there may be due to the network's shape alone."
        )
    plain = _groups(
        kinds["trained"]
        for kinds in places.values()
        if "intensity" in kinds
        and kinds["intensity"]["value"] >= kinds["trained"]["value"]
    )
    if plain:
        yield f"Plain intensities do as well as the network in {plain}."
    chance = _groups(
        row
        for row in rows
        if not findings.bad(row["low"]) and row["low"] <= 1 / len(row["classes"])
    )
    if chance:
        yield (
            f"In {chance} the interval of the trained score includes chance: the two "
            "controls may not be told apart at all."
        )


def _split_doubts(trained: list[Row]) -> Iterator[str]:
    if any(row["leaky"] for row in trained):
        yield (
            "Scores marked leaky split single images at random, as the GAN-DL paper "
            "does: images of one well and one plate are on both sides, which flatters "
            "them."
        )
    if any(row["encoder_saw_test_images"] for row in trained):
        yield (
            "The network was trained on the test wells' images too, without their "
            "labels."
        )


def _plate_doubts(rows: Sequence[Row], curves: Sequence[Row]) -> Iterator[str]:
    by_row = [row for row in rows if row["split"] == "row"]
    one = _groups(row for row in by_row if row["plates"] == 1)
    if one:
        yield (
            f"There is one plate only of {one}: rows of it were left out, so nothing "
            "is known about another plate or another day."
        )
    apart = _groups(row for row in by_row if row["plates"] > 1)
    if apart:
        yield (
            f"No two plates of {apart} have both controls: rows of plates were left "
            "out, so nothing is known about another plate or another day."
        )
    folds = [len(row["folds"]) for row in rows if row["split"] == "plate"]
    if folds and min(folds) < FEW_PLATES:
        yield (
            f"Few plates: {min(folds)} were left out in turn, so the intervals may be "
            "too narrow for a new plate."
        )
    wells = [row["wells"] for row in curves]
    if wells and min(wells) < FEW_WELLS:
        yield f"Some curves rest on few wells (the smallest on {min(wells)})."


def _curve_doubts(curves: Sequence[Row]) -> Iterator[str]:
    fitted = [row for row in curves if row["status"] == "fitted"]
    wide = [row for row in fitted if _fold(row) > WIDE_FOLD]
    if wide:
        yield (
            f"{len(wide)} of {len(fitted)} EC50 intervals span more than a factor of "
            f"{WIDE_FOLD}."
        )
    apart = [row["experiment"] for row in curves if row["status"] == NOT_APART]
    if apart:
        yield (
            f"The controls of {_listing(apart)} are not told apart by wells that did "
            "not draw the axis between them: no response is given there."
        )
    up = {(row["treatment"], row["group"]) for row in curves if findings.rises(row)}
    flat = {(r["treatment"], r["group"]) for r in curves if r["status"] == "no effect"}
    if up & flat:
        names = sorted({name for name, _ in up & flat})
        yield (
            "Experiments with the same cells disagree whether there is an effect: "
            f"{_listing(names)}."
        )


def _fold(row: Row) -> float:
    low, high = row["ec50_low_um"], row["ec50_high_um"]
    return (
        math.inf if findings.bad(low) or findings.bad(high) or low <= 0 else high / low
    )


def _groups(rows: Iterable[Row]) -> str:
    return _listing(row["group"] or "all" for row in rows)


def _listing(names: Iterable[str]) -> str:
    names = list(dict.fromkeys(names))
    shown = ", ".join(names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
