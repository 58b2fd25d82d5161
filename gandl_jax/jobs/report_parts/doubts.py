"""What a careful reader would hold against the report's answer."""

from collections.abc import Iterable, Iterator, Sequence

from gandl_jax.jobs.report_parts import curve_doubts, findings, kinds, wells
from gandl_jax.jobs.report_parts.findings import verdict
from gandl_jax.jobs.report_parts.kinds import Row, Table
from gandl_jax.jobs.report_parts.page import count, listing
from gandl_jax.jobs.report_parts.wells import Wells

FEW_PLATES = 4
FLOORS = {  # key of a difference -> what does as well
    "intensity": "Plain intensities do",
    "plate": "The plate's name alone does",
    "position": "The well's position alone does",
}
BATCH = {  # label of batch effects -> what is told
    "plate": "the plate",
    "row band": "the wells' row (in four bands)",
    "column band": "the wells' column (in four bands)",
}
WARNINGS = 2  # of the tasks that stand alone; more are one sentence


def doubts(
    table: Table,
    curves: Sequence[Row],
    of: Wells | None,
    batch: Table,
    warnings: Iterable[str] = (),
) -> list[str]:
    """Lists what a careful reader would hold against the answer.

    Args:
      table: of the classification that the answer is about, with
        `findings.SCORE_KEYS`.
      curves: rows of dose response of the feature set that is shown.
      of: its wells.
      batch: of batch effects, with `findings.BATCH_KEYS`.
      warnings: what the tasks themselves have found.

    Returns:
      Sentences, the gravest first.
    """
    places = findings.fair(table)
    rows = [kinds.main(those) for those in places.values()]
    return [
        *_score_doubts(rows),
        *_floor_doubts(places),
        *_batch_doubts(batch),
        *curve_doubts.side_effects(curves),
        *_image_doubts([kinds.main(those) for those in table.values()]),
        *_plate_doubts(rows),
        *_control_doubts(of),
        *curve_doubts.doubts(curves),
        *_warnings(warnings),
    ]


def _score_doubts(rows: Sequence[Row]) -> Iterator[str]:
    weak = _groups(r for r in rows if verdict(r, "untrained") in ("unclear", "worse"))
    if weak:
        yield (
            f"Training has not been shown to help{weak}: what the page says there may "
            "be due to the network's shape alone."
        )
    chance = _groups(r for r in rows if not _above_chance(r))
    if chance:
        yield (
            f"The interval of the score includes guessing{chance}: the two controls "
            "may not be told apart at all."
        )


def _floor_doubts(places: Table) -> Iterator[str]:
    for floor, words in FLOORS.items():
        same = _groups(
            kinds.main(those)
            for those in places.values()
            if verdict(kinds.main(those), floor) in ("unclear", "worse")
        )
        if same:
            yield f"{words} as well{same}, as far as the data can show."


def _batch_doubts(batch: Table) -> Iterator[str]:
    by_label: dict[tuple, Row] = {}  # normalised as the other scores: that is first
    for (group, _, metric, label, *_), those in batch.items():
        if metric == findings.METRIC:
            by_label.setdefault((group, label), kinds.main(those))
    found: dict[str, list[Row]] = {}
    for row in by_label.values():
        if not findings.bad(row["low"]) and row["low"] > row["chance"]:
            found.setdefault(row["label"], []).append(row)
    if found:
        told = "; ".join(_told_from(label, rows) for label, rows in found.items())
        yield f"The features tell more than cells: {told}."


def _told_from(label: str, rows: Sequence[Row]) -> str:
    worst = max(rows, key=lambda row: row["value"] - row["chance"])
    most = f"at most, {worst['group']}: " if len(rows) > 1 else ""
    return (
        f"{BATCH.get(label, label)} can be told from the features{_groups(rows)} "
        f"({most}balanced accuracy {worst['value']:.2f}, guessing "
        f"{worst['chance']:.2f})"
    )


def _image_doubts(rows: Sequence[Row]) -> Iterator[str]:
    if any(row["leaky"] for row in rows):
        yield (
            "Scores marked leaky split single images at random, as the GAN-DL paper "
            "does: images of one well and one plate are on both sides, which flatters "
            "them."
        )
    seen = {row["encoder_saw_test_images"] for row in rows}
    if True in seen:
        yield (
            "The network was trained on the test wells' images too, without their "
            "labels."
        )
    if None in seen:
        yield "It is not known whether these features were learnt on the same images."


def _plate_doubts(rows: Sequence[Row]) -> Iterator[str]:
    by_row = [row for row in rows if row["split"] == "row"]
    one = _groups(row for row in by_row if row["plates"] == 1)
    if one:
        yield (
            f"There is only one plate{one}: rows of it were left out, so nothing is "
            "known about another plate or another day."
        )
    apart = _groups(row for row in by_row if row["plates"] > 1)
    if apart:
        yield (
            f"No two plates have both controls{apart}: rows of plates were left out, "
            "so nothing is known about another plate or another day."
        )
    folds = [len(row["folds"]) for row in rows if row["split"] == "plate"]
    if folds and min(folds) < FEW_PLATES:
        yield (
            f"Few plates: {min(folds)} were left out in turn, so the intervals may be "
            "too narrow for a new plate."
        )


def _control_doubts(of: Wells | None) -> Iterator[str]:
    lacking = wells.without_controls(of.frame) if of and of.has_responses else []
    if lacking:
        yield (
            f"{count(len(lacking), 'plate')} without wells of one of the controls "
            f"({listing(lacking, 4)}): responses there rest on other plates' controls."
        )


def _warnings(warnings: Iterable[str]) -> Iterator[str]:
    warnings = list(dict.fromkeys(warnings))
    if len(warnings) <= WARNINGS:
        yield from warnings
    else:
        yield (
            f"The tasks warn of {len(warnings)} things, all of them listed at the end. "
            f"The first: {warnings[0]}"
        )


def _above_chance(row: Row) -> bool:
    low, chance = row["low"], row.get("chance")
    return findings.bad(low) or findings.bad(chance) or low > chance


def _groups(rows: Iterable[Row]) -> str:
    """The cells meant, as " in HRCE, VERO"; "" where there are none.

    A screen without cell types has one group that stands for all.
    """
    names = list(dict.fromkeys(row["group"] for row in rows))
    if names in (["all"], [""]):
        return " here"
    return f" in {listing(names)}" if names else ""
