"""What a network learnt the labels of is shown with its mark, and answers nothing."""

import re

import numpy as np
import pandas as pd
import pytest

from gandl_jax.jobs.report import doubts, encoder_roles, findings
from gandl_jax.profiles import store
from gandl_jax.tasks import marks

ENCODERS = ("gan@9", "gan@start", "gan@0", "intensity")
SPLITS = ("plate", "held_out", "record", "well")
CELLS = ("HRCE", "VERO")


def drawn(rng, rows):
    """Scores of their own, each a whole percent; some are marked."""
    percents = iter(rng.permutation(np.setdiff1d(np.arange(10, 99), [50])))
    return [
        rows.score(
            encoder,
            next(percents) / 100,
            group=cells,
            split=split,
            encoder_saw_test_images=encoder in ENCODERS[:2],
            labels_seen=bool(encoder in ENCODERS[:2] and rng.random() < 0.5),
        )
        for cells in CELLS[: rng.integers(1, 3)]
        for split in rng.permutation(SPLITS)[: rng.integers(1, 4)]
        for encoder in ENCODERS
    ]


def answer_of(page):
    """The first page's words, without those that doubt it."""
    answer = page.text.partition("In short")[2]
    chapters = "Are the two controls|Are the cell types|Which dose does|Where on the"
    return re.split(f"What to doubt|{chapters}", answer)[0]


@pytest.mark.parametrize("seed", range(6))
def test_no_marked_score_is_an_answer_and_every_one_has_its_mark(
    rows, save, make, read_csv, seed
):
    own = drawn(np.random.default_rng(seed), rows)
    save("control_classification", own)
    page = make()
    told = answer_of(page)
    for row in own:
        if row["labels_seen"]:
            assert f"{row['value']:.0%}" not in told
    fair = [
        row
        for row in own
        if row["encoder"] == "gan@9" and not (row["labels_seen"] or row["leaky"])
    ]
    assert ("told apart by the trained network" in told) is bool(fair)
    refused = "it would be judged on. Hold some out of training" in told
    learnt = [r for r in own if r["encoder"] == "gan@9" and r["labels_seen"]]
    assert refused is bool(learnt and not fair)
    for row in fair:
        assert f"{row['value']:.0%}" in told
    cells = [cell for table in page.tables for line in table for cell in line]
    for row in own:
        (cell,) = [c for c in cells if c.startswith(f"{row['value']:.3f} ")]
        assert ("labels seen" in cell) is row["labels_seen"]
    written = {line["value"]: line["labels_seen"] for line in read_csv("scores")}
    assert written == {str(row["value"]): str(row["labels_seen"]) for row in own}


def test_held_out_records_are_the_answer_where_all_others_were_learnt(rows, save, make):
    save(
        "control_classification",
        [
            rows.score(value=0.97, labels_seen=True),
            rows.score(value=0.71, split="held_out", encoder_saw_test_images=False,
                       encoder_saw_screen=True, labels_seen=False),
        ],
    )  # fmt: skip
    page = make()
    told = answer_of(page)
    assert "With records held out of training, images of the two controls" in told
    assert "71%" in told and "97%" not in told
    assert "zero-shot" not in page.text, "it saw other images of this screen"


def test_wells_and_curves_whose_labels_were_learnt_answer_nothing(rows, save, make):
    save("well_map", [rows.well_map(), rows.well_map("intensity")])
    save("dose_response", [rows.curve("alpha"), rows.curve("beta")])
    before = make()
    learnt = {"labels_seen": True, "encoder_saw_test_images": True}
    save("well_map", [rows.well_map() | learnt, rows.well_map("intensity")])
    save("dose_response", [rows.curve(n, **learnt) for n in ("alpha", "beta")])
    after = make()
    for words in ("treated wells", "2 dose-response curves"):
        assert words in answer_of(before) and words not in answer_of(after)
    assert answer_of(after).count("Not answered: gan@9 learnt labels") == 2
    assert "alpha labels seen" in after.text and "beta labels seen" in after.text
    assert "gan@9/b8 (labels seen)" in after.text
    assert "labels seen" not in before.text


def test_a_screen_without_controls_is_not_answered_by_learnt_labels(rows, save, make):
    score = rows.score(
        value=0.87, task="cell_model_classification", labels_seen=True, split="record"
    )
    save("cell_model_classification", [score])
    page = make()
    assert "87%" not in answer_of(page)
    assert "Not answered: gan@9 learnt labels" in answer_of(page)


def test_results_of_a_former_version_are_marked_by_their_profiles(
    rows, save, make, tmp_path
):
    folder = tmp_path / "profiles/simulated/gan@9"
    metadata = pd.DataFrame({"Metadata_Record_ID": ["a", "b"]})
    store.claim(folder, {"saw_images": True, "learnt_label": "Condition"})
    store.write_part(folder / "part-00000.parquet", metadata, {"b8": np.ones((2, 2))})
    store.finish(folder)
    save("control_classification", [rows.score(value=0.83), rows.score("gan@0", 0.61)])
    page = make()
    assert "83%" not in answer_of(page) and page.text.count("labels seen") >= 2


@pytest.mark.parametrize(
    "images, labels, said",
    [
        (True, False, "trained on the test wells' images too, without their labels."),
        (True, None, "it is not known whether it has learnt their labels."),
        (True, True, "Scores marked labels seen (plates left out) are of records"),
        (None, None, "It is not known whether these features were learnt on the same"),
        (False, False, None),
    ],
)  # fmt: skip
def test_what_is_said_of_images_and_labels_is_so(rows, images, labels, said):
    row = rows.score(encoder_saw_test_images=images, labels_seen=labels)
    names = encoder_roles.roles(["gan@9"])
    table = encoder_roles.side_by_side([row], names, "b8", findings.SCORE_KEYS)
    words = " ".join(doubts.doubts(table, [], None, {}))
    every = (
        "without their labels",
        "whether it has learnt their labels",
        "are of records whose labels gan@9 learnt",
        "It is not known whether these",
    )
    assert said is None or said in words
    assert sum(one in words for one in every) == (said is not None)
    assert marks.learnt(row) is (labels is True)
