"""Sentences of the page against the numbers that they were made from, at random.

Many tables of scores are drawn: all orders of scores and floors, intervals above, below
and around 0, floors that are missing, one plate or several, several splits and cells.
Each sentence is then read back and held against the rows.
"""

import re

import numpy as np
import pytest

from gandl_jax.jobs.report import doubts, encoder_roles, findings

TABLES = 300
SPLITS = ("record", "plate", "row", "treatment", "plate:0.25")
CELLS = ("HRCE", "VERO", "U2OS")
FLOORS = ("untrained", "intensity", "plate", "position")
CLAIMS = {  # what a sentence begins with -> the floor, and where the interval lies
    "Training has not been shown to help": ("untrained", "around"),
    "Training has made the features worse": ("untrained", "below"),
    "Plain intensities do as well": ("intensity", "around"),
    "Plain intensities do better": ("intensity", "below"),
    "The plate's name alone does as well": ("plate", "around"),
    "The plate's name alone does better": ("plate", "below"),
    "The well's position alone does as well": ("position", "around"),
    "The well's position alone does better": ("position", "below"),
}
AT = r"(here|in \w+) with ([\w% ]+? left out)"
GAIN = re.compile(AT + r" \(([+−].{5}), ([+−].{5}) to ([+−].{5})\)")
PLACE = re.compile(AT)


def drawn_row(rng, rows, group, split):
    value = rng.uniform(0.2, 1)
    differences = {}
    for floor in FLOORS:
        if rng.random() < 0.2:
            continue
        base = 0.5 if rng.random() < 0.3 else rng.uniform(0.2, 1)
        against = floor
        if floor in ("plate", "position") and base < 0.5:
            base, against = 0.5, "chance"
        gain = value - base
        ends = gain - rng.uniform(0, 0.4), gain + rng.uniform(0, 0.4)
        if rng.random() < 0.1:
            ends = (None, None)
        differences[floor] = rows.gain(gain, *ends, against=against)
    return rows.score(
        group=group,
        split=split,
        value=value,
        low=value - rng.uniform(0, 0.4),
        high=value + rng.uniform(0, 0.4),
        plates=int(rng.integers(1, 7)),
        folds=[value] * int(rng.integers(1, 5)),
        differences=differences,
    )


@pytest.fixture(scope="module")
def judged(rows):
    """Random tables, each with its rows where nothing leaks."""
    found = []
    for seed in range(TABLES):
        rng = np.random.default_rng(seed)
        cells = ["all"] if rng.random() < 0.3 else CELLS[: rng.integers(1, 4)]
        chosen = rng.permutation(SPLITS)[: rng.integers(1, 5)]
        own = [drawn_row(rng, rows, g, str(s)) for s in chosen for g in cells]
        names = encoder_roles.roles(row["encoder"] for row in own)
        table = encoder_roles.side_by_side(own, names, "b8", findings.SCORE_KEYS)
        found.append((table, [row for row in own if not row["leaky"]]))
    return found


def place(row):
    cells = "here" if row["group"] == "all" else f"in {row['group']}"
    return cells, findings.split_words(row["split"])


def where(numbers):
    if numbers is None or numbers["low"] is None:
        return "nowhere"
    if numbers["low"] > 0:
        return "above"
    return "below" if numbers["high"] < 0 else "around"


def tells(row, floor):
    """An identity that is no better than guessing is nothing to compare with."""
    base = row["value"] - row["differences"][floor]["value"]
    return floor not in ("plate", "position") or base > 0.5 + 1e-9


def said_of(table, words):
    """The sentences of the doubts that begin so: none or one."""
    found = doubts.doubts(table, [], None, {})
    return [one for one in found if one.startswith(words)]


def hidden(sentences):
    """How many places a sentence counts without naming them."""
    return sum(int(n) for one in sentences for n in re.findall(r" and (\d+) more", one))


def formatted(value):
    return f"{value:+.3f}".replace("-", "−")


@pytest.mark.parametrize("words", CLAIMS)
def test_what_is_said_of_floors_is_what_their_differences_say(judged, words):
    floor, wanted = CLAIMS[words]
    total = 0
    for table, fair in judged:
        by_place = {
            place(row): row["differences"][floor]
            for row in fair
            if where(row["differences"].get(floor)) == wanted and tells(row, floor)
        }
        said = said_of(table, words)
        assert len(said) == bool(by_place)
        found = [match for one in said for match in GAIN.findall(one)]
        assert len(found) + hidden(said) == len(by_place)
        for cells, split, *numbers in found:
            gain = by_place[cells, split]
            assert numbers == [formatted(gain[k]) for k in ("value", "low", "high")]
        total += len(by_place)
    assert total > 50  # each claim was tried


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        ("The interval of the score includes", lambda r: r["low"] <= 0.5 <= r["high"]),
        ("The score is worse than guessing", lambda r: r["high"] < 0.5),
        ("All scored wells lie on one plate", lambda r: r["plates"] == 1),
    ],
)
def test_what_is_said_of_guessing_and_of_one_plate_is_so(judged, words, holds):
    for table, fair in judged:
        said = said_of(table, words)
        due = {place(row) for row in fair if holds(row)}
        assert len(said) == bool(due)
        found = {match for one in said for match in PLACE.findall(one)}
        assert found <= due and len(found) + hidden(said) == len(due)


def test_plates_are_counted_as_the_rows_have_them(judged):
    for table, fair in judged:
        few = [
            r["plates"] for r in fair if r["split"] == "plate" and 1 < r["plates"] < 4
        ]
        said = said_of(table, "Few plates")
        assert len(said) == bool(few)
        if few:
            assert said[0].startswith(f"Few plates: {min(few)} were left out")
        inside = {
            place(row)
            for row in fair
            if row["plates"] > 1
            and {r["split"] for r in fair if r["group"] == row["group"]} == {"row"}
        }
        said = said_of(table, "Whole plates were not left out")
        assert {match for one in said for match in PLACE.findall(one)} == inside
        leaky = any(row["leaky"] for those in table.values() for row in those.values())
        said = said_of(table, "Scores marked leaky (random images")
        assert len(said) == leaky


def test_the_answer_has_every_score_and_counts_what_training_did(judged):
    for table, fair in judged:
        words = findings.score_answer(table)
        if not fair:
            assert "cannot be said" in words
            continue
        for row in fair:
            of = "" if row["group"] == "all" else f" of {row['group']}"
            split = re.escape(findings.split_words(row["split"]))
            part = re.search(rf"[Ww]ith {split},? (.*?)(; with| \(bal)", words)[1]
            assert f"{row['value']:.0%}{of}" in part
        found = [where(row["differences"].get("untrained")) for row in fair]
        for word, side in (("better", "above"), ("worse", "below")):
            claim = re.search(
                rf"(?<!no ){word} than the same network untrained([^,;]*)", words
            )
            count = found.count(side)
            assert bool(claim) == (count > 0)
            if claim and count < len(found):
                assert claim[1].startswith(f" in {count} of {len(found)} ")
        none = not {"above", "below"} & set(found)
        assert ("no better than" in words) == (none and "around" in found)
        assert ("no untrained network was scored" in words) == (
            set(found) == {"nowhere"}
        )
