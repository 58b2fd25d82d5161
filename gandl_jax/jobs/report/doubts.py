"""Doubts about the report's answer that a careful reader would have."""

from collections.abc import Iterable, Iterator, Sequence

from gandl_jax.jobs.report import curve_doubts, encoder_roles, findings, wells
from gandl_jax.jobs.report.encoder_roles import Row, Table
from gandl_jax.jobs.report.findings import verdict
from gandl_jax.jobs.report.page import count, listing, number, span
from gandl_jax.jobs.report.wells import Wells
from gandl_jax.judging import curve_effects
from gandl_jax.profiles import groups
from gandl_jax.profiles.groups import HELD_OUT
from gandl_jax.tasks import marks

FEW_PLATES = 4
WITHIN_PLATES = ("well", "row")  # splits that leave no whole plate out
FLOORS = {  # key of a difference -> what does as well or better
    "classical": "Classical features do",
    "intensity": "Plain intensities do",
    "plate": "The plate's name alone does",
    "position": "The well's position alone does",
}
BATCH = {  # label of batch effects -> its name in a sentence
    "plate": "the plate",
    "row band": "the wells' row (in four bands)",
    "column band": "the wells' column (in four bands)",
}
WARNINGS = 2  # of the tasks that stand alone; more are one sentence


def doubts(
    table: Table,
    curves: Sequence[Row],
    shown_wells: Wells | None,
    batch_effects: Table,
    warnings: Iterable[str] = (),
) -> list[str]:
    """Lists what a careful reader would hold against the answer.

    Args:
      table: of the classification that the answer is about, with
        `findings.SCORE_KEYS`.
      curves: rows of dose response of the feature set that is shown.
      shown_wells: of the same feature set; None without a map.
      batch_effects: scores, with `findings.BATCH_KEYS`.
      warnings: of the tasks themselves.

    Returns:
      Sentences, the gravest first.
    """
    fair_scores = findings.fair(table)
    rows = [encoder_roles.main(by_role) for by_role in fair_scores.values()]
    return [
        *_score_doubts(rows),
        *_floor_doubts(rows),
        *_batch_doubts(batch_effects),
        *curve_doubts.side_effects(curves),
        *_image_doubts([encoder_roles.main(by_role) for by_role in table.values()]),
        *_label_doubts([row for by_role in table.values() for row in by_role.values()]),
        *_plate_doubts(rows),
        *_control_doubts(shown_wells),
        *curve_doubts.doubts(curves),
        *_warnings(warnings),
    ]


def _score_doubts(rows: Sequence[Row]) -> Iterator[str]:
    weak = [row for row in rows if verdict(row, "untrained") == "unclear"]
    if weak:
        yield (
            f"Training has not been shown to help{_gains(weak, 'untrained')}: what the "
            "page says there may be due to the network's shape alone."
        )
    worse = [row for row in rows if verdict(row, "untrained") == "worse"]
    if worse:
        yield f"Training has made the features worse{_gains(worse, 'untrained')}."
    for label in dict.fromkeys(row["label"] for row in rows):
        rows_of_label = [row for row in rows if row["label"] == label]
        yield from _guessing(label, rows_of_label)


def _guessing(label: str, rows: Sequence[Row]) -> Iterator[str]:
    not_above = _cells_and_splits(
        row for row in rows if findings.against_chance(row) == "unclear"
    )
    if not_above:
        classes = "two controls" if label == "control" else f"classes of {label}"
        yield (
            f"The interval of the score includes guessing{not_above}: the {classes} "
            "may not be told apart at all."
        )
    worse = _cells_and_splits(
        row for row in rows if findings.against_chance(row) == "worse"
    )
    if worse:
        yield f"The score is worse than guessing{worse}."


def _floor_doubts(rows: Sequence[Row]) -> Iterator[str]:
    for floor, subject in FLOORS.items():
        informative = [row for row in rows if findings.floor_is_informative(row, floor)]
        better = [row for row in informative if verdict(row, floor) == "worse"]
        if better:
            yield f"{subject} better{_gains(better, floor)}."
        same = [row for row in informative if verdict(row, floor) == "unclear"]
        if same:
            yield (
                f"{subject} as well{_gains(same, floor)}, as far as the data can show."
            )


def _batch_doubts(batch_effects: Table) -> Iterator[str]:
    by_label: dict[tuple, Row] = {}  # normalised as the other scores: that is first
    for (group, _, metric, label, *_), by_role in batch_effects.items():
        if metric == findings.METRIC:
            by_label.setdefault((group, label), encoder_roles.main(by_role))
    above_guessing: dict[str, list[Row]] = {}
    for row in by_label.values():
        if not curve_effects.is_missing(row["low"]) and row["low"] > row["chance"]:
            above_guessing.setdefault(row["label"], []).append(row)
    if above_guessing:
        clauses = "; ".join(
            _readable_label(label, rows) for label, rows in above_guessing.items()
        )
        yield f"The features tell more than cells: {clauses}."


def _readable_label(label: str, rows: Sequence[Row]) -> str:
    worst = max(rows, key=lambda row: row["value"] - row["chance"])
    where = f"at most, {worst['group']}: " if len(rows) > 1 else ""
    value = marks.marked(f"{worst['value']:.2f}", worst)
    return (
        f"{BATCH.get(label, label)} can be told from the features{_groups(rows)} "
        f"({where}balanced accuracy {value}, guessing {worst['chance']:.2f})"
    )


def _image_doubts(rows: Sequence[Row]) -> Iterator[str]:
    leaky = [row for row in rows if row["leaky"]]
    shared = [row for row in leaky if row["records"] > row["wells"]]
    if shared:
        yield (
            f"Scores marked leaky ({_splits(shared)}) have images of one well on both "
            "sides, which flatters them."
        )
    single = [row for row in leaky if row["records"] <= row["wells"]]
    if single:
        yield (
            f"Scores marked leaky ({_splits(single)}) hold single images apart, and "
            "the table names no wells: images of one well may lie on both sides, which "
            "would flatter them."
        )
    seen = [row for row in rows if row[marks.IMAGES]]
    unlabelled = [row for row in seen if row.get(marks.LABELS, False) is False]
    if unlabelled:
        where = "" if len(unlabelled) == len(rows) else f" ({_splits(unlabelled)})"
        yield (
            f"The network was trained on the test wells' images too{where}, without "
            "their labels."
        )
    if any(row.get(marks.LABELS, False) is None for row in seen):
        yield (
            "The network was trained on the test wells' images too; it is not known "
            "whether it has learnt their labels."
        )
    if any(row[marks.IMAGES] is None for row in rows):
        yield "It is not known whether these features were learnt on the same images."


def _label_doubts(rows: Sequence[Row]) -> Iterator[str]:
    learnt = [row for row in rows if marks.learnt(row)]
    if learnt:
        names = listing(dict.fromkeys(row["encoder"] for row in learnt))
        yield (
            f"Scores marked {marks.WORDS} ({_splits(learnt)}) are of records whose "
            f"labels {names} learnt: they do not tell how it does on others."
        )


def _splits(rows: Sequence[Row]) -> str:
    return listing(
        findings.split_words(s) for s in dict.fromkeys(r["split"] for r in rows)
    )


def _plate_doubts(rows: Sequence[Row]) -> Iterator[str]:
    on_one_plate = _cells_and_splits(row for row in rows if row["plates"] == 1)
    if on_one_plate:
        yield (
            f"All scored wells lie on one plate{on_one_plate}: nothing is known there "
            "about another plate or another day."
        )
    # Where whole plates are left out too, that split's score says it.
    # What was held out of training may be plates or not: that split tells neither.
    rows = [row for row in rows if row["split"] != HELD_OUT]
    with_whole_plates = {
        row["group"] for row in rows if _unit(row) not in WITHIN_PLATES
    }
    within_plates = [
        row
        for row in rows
        if row["plates"] > 1 and row["group"] not in with_whole_plates
    ]
    if within_plates:
        yield (
            f"Whole plates were not left out{_cells_and_splits(within_plates)}: "
            "nothing is known there about another plate or another day."
        )
    in_turn = [row for row in rows if row["split"] == "plate"]
    on_few_plates = [row for row in in_turn if 1 < row["plates"] < FEW_PLATES]
    if on_few_plates:
        fewest = min(row["plates"] for row in on_few_plates)
        yield (
            f"Few plates: {fewest} were left out{_groups(on_few_plates)}, so the "
            "intervals may be too narrow for a new plate."
        )


def _unit(row: Row) -> str:
    return groups.unit(row["split"])


def _control_doubts(shown_wells: Wells | None) -> Iterator[str]:
    lacking = (
        wells.without_controls(shown_wells.frame)
        if shown_wells and shown_wells.has_responses
        else []
    )
    if lacking:
        yield (
            f"{count(len(lacking), 'plate')} without wells of one of the controls "
            f"({listing(lacking, 4)}): responses there, if any, rest on other plates' "
            "controls too."
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


def _gains(rows: Sequence[Row], floor: str) -> str:
    """Names cells and splits, and their difference to a floor with its interval."""
    gains = []
    for row in rows:
        gain = row["differences"][floor]
        ends = span(gain["low"], gain["high"], "+.3f")
        gains.append(
            f"{_cells_and_split(row)} ({number(gain['value'], '+.3f')}, {ends})"
        )
    return f" {listing(gains)}"


def _cells_and_splits(rows: Iterable[Row]) -> str:
    """Names the cells and splits of rows; "" without rows."""
    names = [_cells_and_split(row) for row in rows]
    return f" {listing(names)}" if names else ""


def _cells_and_split(row: Row) -> str:
    cells = "here" if row["group"] in ("all", "") else f"in {row['group']}"
    return f"{cells} with {findings.split_words(row['split'])}"


def _groups(rows: Iterable[Row]) -> str:
    """Names the cells of rows, as " in HRCE, VERO"; "" without rows.

    A screen without cell types has one group that stands for all.
    """
    names = list(dict.fromkeys(row["group"] for row in rows))
    if names in (["all"], [""]):
        return " here"
    return f" in {listing(names)}" if names else ""
