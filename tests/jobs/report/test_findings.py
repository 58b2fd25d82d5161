"""The answer in words follows from the rows."""

import pytest

from gandl_jax.jobs.report import encoder_roles, findings, screens
from gandl_jax.judging import curve_effects


def table(scores, features="b8"):
    names = encoder_roles.roles(row["encoder"] for row in scores)
    return encoder_roles.side_by_side(scores, names, features, findings.SCORE_KEYS)


def test_kinds_are_what_is_judged_then_its_floors():
    encoders = ["position", "gan@0", "my table", "gan@250", "plate", "gan@500"]
    assert encoder_roles.roles([*encoders, "intensity", "classical"]) == {
        "trained": "gan@500",
        "my table": "my table",
        "untrained": "gan@0",
        "classical": "classical",
        "intensity": "intensity",
        "plate identity": "plate",
        "well position": "position",
    }


def test_a_set_that_no_network_has_is_replaced_by_one_that_it_has(rows):
    those = [rows.score(features="b16"), rows.score("intensity")]
    assert encoder_roles.shown(those, "b8") == "b16"
    assert encoder_roles.shown([rows.score("intensity")], "b8") == "b8"
    assert list(table(those, "b16").values())[0]["trained"] is those[0]


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ([(0.1, 0.01, 0.2)] * 2, "better than the same network untrained."),
        ([(0.1, 0.01, 0.2), (0.0, -0.1, 0.1)], "untrained in 1 of 2 groups."),
        ([(0.1, -0.01, 0.2)] * 2, "no better than"),
        ([(-0.2, -0.3, -0.1)] * 2, "worse than the same network untrained."),
        ([None, None], "no untrained network was scored"),
    ],
)
def test_verdict_on_training(rows, differences, words):
    scores = [
        rows.score(
            group=group,
            value=value,
            differences={"untrained": rows.gain(*numbers)} if numbers else {},
        )
        for group, value, numbers in zip(
            ("HRCE", "VERO"), (0.713, 0.655), differences, strict=True
        )
    ]
    answer = findings.score_answer(table(scores))
    assert words in answer
    assert answer.startswith(
        "With plates left out, images of the two controls are told apart by the "
        "trained network in 71% of HRCE, 66% of VERO (balanced; 50% is guessing)"
    )


def test_each_score_of_the_answer_is_of_the_split_that_it_names(rows):
    scores = [
        rows.score(group=group, split=split, value=value)
        for (group, split), value in {
            ("HRCE", "plate"): 0.71,
            ("VERO", "plate"): 0.66,
            ("HRCE", "row"): 0.66,
        }.items()
    ]
    assert findings.score_answer(table(scores)).startswith(
        "With plates left out, images of the two controls are told apart by the "
        "trained network in 71% of HRCE, 66% of VERO; with rows left out in 66% of "
        "HRCE (balanced; 50% is guessing)"
    )


def test_an_answer_on_labels_names_its_split_and_cells(rows):
    score = rows.score(
        group="VERO", split="site", leaky=True, label="Mechanism", chance=0.2
    )
    assert findings.naming_answer(table([score])).startswith(
        "With sites left out, the Mechanism of 70% of the images of VERO is named "
        "rightly by the trained network (balanced; 20% is guessing)"
    )


def test_scores_that_leak_are_no_answer(rows):
    assert "cannot be said" in findings.score_answer(
        table([rows.score(split="record")])
    )


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("record", "random images"),
        ("plate", "plates left out"),
        ("cell_type", "cell types left out"),
        ("plate:0.25", "25% of plates left out"),
        ("plate:A/1+A/2", "chosen plates left out"),
        ("plate#2/5", "plates, fold 2 of 5, left out"),
        ("given", "the publisher's split"),
    ],
)
def test_splits_in_words(split, words):
    assert findings.split_words(split) == words


def test_rank_puts_full_rescues_first_and_the_most_potent_of_them(rows):
    curve = rows.curve
    bound = {"ec50_um": None, "ec50_low_um": None, "ec50_high_um": 0.003}
    those = [
        curve("flat", status="no effect", rescue=0.0),
        curve("unsure", status="not identified: the doses do not tell"),
        curve("falling", ec50=0.01, top=-0.8),
        curve("partial", ec50=0.001, top=0.4),
        curve("extrapolated", ec50=30.0, rescue=0.3),
        curve("weak", ec50=2.0),
        curve("strong", ec50=0.02),
        curve("below", status="bound: ...", ec50_bound="below", **bound),
        curve("beyond", status="bound: ...", ec50_bound="above", rescue=0.1),
    ]
    names = [row["treatment"] for row in curve_effects.rank(those)]
    assert names[:5] == ["strong", "weak", "below", "partial", "extrapolated"]
    assert names[5:] == ["falling", "beyond", "unsure", "flat"]


def test_curves_are_counted(rows):
    those = [
        rows.curve("a"),
        rows.curve("b", top=0.4),
        rows.curve("c", top=-0.8),
        rows.curve("d", status="no effect", rescue=0.0),
        rows.curve("e", status="not identified: ..."),
        rows.curve("f", status="not identified: ...", points=[]),
    ]
    assert findings.dose_answer(those) == (
        "6 dose-response curves: 2 rising toward the wanted state, 1 falling, 1 "
        "without effect, 1 of which the doses do not tell, 1 without a response, for "
        "the controls are not told apart. Half way or further at the highest dose: 1."
    )
    beside = findings.beside({"trained": those, "untrained": those[1:3]})
    assert beside == (
        "An effect of the dose is called for 5 (Benjamini-Hochberg q < 0.05); up to "
        "0.25 of these are expected to be false. For comparison, 1 from untrained "
        "features rise."
    )


def test_what_leaks_comes_last_and_curves_are_sorted_by_kind(rows):
    scores = [rows.score(split="record"), rows.score(split="plate")]
    curves = [rows.curve("a", encoder="gan@0"), rows.curve("b"), rows.curve("c")]
    contents = {"control_classification": scores, "dose_response": curves}
    tasks = {
        name: {"rows": those, "skipped": None, "warnings": []}
        for name, those in contents.items()
    }
    screen = screens.sort("s", tasks, "b8")
    assert [place[1] for place in screen.controls] == ["plate", "record"]
    assert {k: [r["treatment"] for r in v] for k, v in screen.curves.items()} == {
        "trained": ["b", "c"],
        "untrained": ["a"],
    }
