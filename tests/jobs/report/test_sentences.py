"""Sentences of the page against the numbers that they were made from, at random.

Many tables of scores are drawn: all orders of scores and floors, intervals above, below
and around 0, floors that are missing, one plate or several, several splits and cells.
Each sentence is then read back and held against the rows.
"""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from gandl_jax import config as configs
from gandl_jax import config_files, modules
from gandl_jax.jobs.report import doubts, encoder_roles, findings
from gandl_jax.judging import task_runs
from gandl_jax.profiles import table as profile_table
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.raw import screen
from gandl_jax.tasks.skip import LeftOut

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
AT = r"(here|in \w+) with ([\w% ]+? left out|random images)"
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
    return floor not in ("plate", "position") or base > row["chance"] + 1e-9


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
    assert hold_claims(judged, words) > 50  # each claim was tried


def hold_claims(judged, words):
    """Holds a claim against the rows; how many places it was made of."""
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
    return total


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


REAL = {  # a set of ../shared/data -> its config's name, and groups to be left out
    "bbbc013_rows_a_d": ("bbbc013", "row"),
    "bbbc021_cells": ("bbbc021_cells", "plate"),
    "bbbc021_fields": ("bbbc021_fields", "plate"),
    "hep2_cells": ("hep2_cells", "specimen"),
    "malaria_cells": ("malaria_cells", "patient"),
    "mitocheck_nuclei": ("mitocheck_nuclei", "plate"),
    "tcell_activation": ("tcell_activation", "donor"),
    "jurkat_stages": ("jurkat_stages", "record"),
}
MOST_RECORDS = 400  # of a set, at random: what sentences say needs no more
OPTIONS = {"max_folds": 3, "repeats": 1, "bootstrap_draws": 50, "seed": 0}


def real_table(name, shared, root):
    """A set's table of records: the real one, some of its rows."""
    config_name, group = REAL[name]
    config = config_files.load(f"{root}/configs/{config_name}.py:")
    spec = screen.load(config)
    whole = screen.table(spec, screen.read_metadata(spec, str(shared / "data" / name)))
    some = np.random.default_rng(0).permutation(len(whole))[:MOST_RECORDS]
    return config, whole.iloc[np.sort(some)].reset_index(drop=True), group


def scored(config, metadata, group):
    """Rows of a task that the set allows, of features that know a little of classes."""
    task = "control_classification"
    if not {0, 1} <= {*profile_table.control_classes(metadata)}:
        task = "label_classification"
    module, options = modules.load("tasks", task), configs.task_options(config, task)
    options |= OPTIONS | {"splits": ("record", group), "features": "b8"}
    rng = np.random.default_rng(1)
    label = options.get("label") or "Treatment"
    column = "Metadata_Role" if task.startswith("control") else f"Metadata_{label}"
    codes = pd.factorize(metadata[column])[0]
    sets = {}
    for full, gain in (("gan@9/b8", 0.6), ("gan@0/b8", 0.3), ("intensity", 0.1)):
        features = rng.normal(size=(len(metadata), 6)).astype(np.float32)
        features[:, 0] += gain * codes
        sets[full] = FeatureSet(full, metadata, features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeftOut)
        plan = task_runs.plan(module, metadata, options)
    return task, task_runs.rows(module, sets, plan, options)


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_sentences_about_real_tables_say_what_is_in_their_rows(name, shared, request):
    config, metadata, group = real_table(name, shared, request.config.rootpath.parent)
    task, rows = scored(config, metadata, group)
    names = encoder_roles.roles(row["encoder"] for row in rows)
    table = encoder_roles.side_by_side(rows, names, "b8", findings.SCORE_KEYS)
    assert table, "a set without scores tells nothing"
    shown = [encoder_roles.main(those) for those in table.values()]
    judged = [row for row in shown if row["metric"] == findings.METRIC]
    fair = [row for row in judged if not row["leaky"]]
    if task == "control_classification":
        test_the_answer_has_every_score_and_counts_what_training_did([(table, fair)])
    else:
        first, words = judged[0], findings.naming_answer(table)
        assert f"{first['value']:.0%} of the images" in words
        assert f"{first['chance']:.0%} is guessing" in words
    for words in CLAIMS:
        hold_claims([(table, fair)], words)
    leaky = [row for row in shown if row["leaky"]]
    said = said_of(table, "Scores marked leaky")
    named = "Metadata_Well" in metadata
    assert len(said) == bool(leaky)
    if leaky:
        several = profile_table.wells(metadata).astype(str)
        shares = len(np.unique(several)) < len(metadata)
        assert ("images of one well on both sides" in said[0]) == shares
        assert ("the table names no wells" in said[0]) == (not shares and not named)
    else:
        assert named, "where nobody knows the wells, single images may leak"
