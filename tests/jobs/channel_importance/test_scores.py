"""What is lost with a channel, beside scikit-learn's scores and shares by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score

from gandl_jax.jobs.channel_importance import answers, scores
from gandl_jax.jobs.channel_importance.answers import Question
from gandl_jax.jobs.channel_importance.scores import Answered

COUNT, NAMES, CHANNELS = 240, ("a", "b", "control"), ("dna", "actin")
RNG = np.random.default_rng(0)
CODES = RNG.permutation(np.repeat([0, 1, 2, -1], [60, 90, 80, 10]))


def noisy(share):
    """The truth, but for a share that is drawn; blanks are named something too."""
    named = np.where(CODES < 0, 0, CODES)
    guessed = RNG.integers(0, 3, COUNT)
    return np.where(RNG.random(COUNT) < share, guessed, named)


def table(shares, permutations=2):
    """Answers that are wrong for a share: as they are, then by channel permuted."""
    made = {"record": np.arange(COUNT), "T": noisy(shares[0])}
    for channel, share in enumerate(shares[1:]):
        for number in range(permutations):
            made[answers.column("T", Question(channel, number))] = noisy(share)
    return pd.DataFrame(made)


@pytest.fixture(scope="module")
def answered():
    """Networks of two seeds that know by dna, and nothing by actin."""
    return Answered(
        channels=CHANNELS,
        permutations=2,
        whole=[table((0.1, 0.9, 0.1)), table((0.15, 0.8, 0.15))],
        without={"dna": [table((0.95,))], "actin": [table((0.1,)), table((0.12,))]},
        units=(np.arange(COUNT) // 2).astype(str),
        trained=500,
        draws=300,
        seed=0,
    )


def accuracy(named):
    known = CODES >= 0
    return balanced_accuracy_score(CODES[known], np.asarray(named)[known])


def permuted(own, channel):
    return [own[answers.column("T", Question(channel, n))] for n in range(2)]


def test_what_is_lost_is_scikit_learn_s_difference_of_scores(answered):
    judgement = scores.judge(scores.classes("T", CODES, 3), answered)
    whole = [accuracy(own["T"]) for own in answered.whole]
    assert scores.accuracy(judgement, 0)["value"] == pytest.approx(np.mean(whole))
    lost = scores.lost_permuted(judgement)
    for channel, name in enumerate(CHANNELS):
        own = [np.mean([accuracy(x) for x in permuted(t, channel)])
               for t in answered.whole]  # fmt: skip
        expected = np.subtract(whole, own)
        assert lost[name]["of_seeds"] == pytest.approx(expected)
        assert lost[name]["value"] == pytest.approx(expected.mean())
    without = scores.lost_without(judgement)
    for name, tables in answered.without.items():
        own = np.mean([accuracy(x["T"]) for x in tables])
        assert without[name]["value"] == pytest.approx(np.mean(whole) - own)


def test_intervals_tell_the_channel_that_matters_from_one_that_does_not(answered):
    judgement = scores.judge(scores.classes("T", CODES, 3), answered)
    for lost in (scores.lost_permuted(judgement), scores.lost_without(judgement)):
        assert lost["dna"]["low"] > 0.2 and lost["dna"]["p"] < 0.05
        assert lost["actin"]["low"] < 0 < lost["actin"]["high"]


def asked_of_classes(controls, answered):
    asked = scores.class_questions("T", CODES, NAMES, controls)
    return [scores.class_rows(question, answered) for question in asked]


def test_a_class_loses_its_recall(answered):
    rows = [row for own in asked_of_classes([], answered) for row in own]
    assert {row["kind"] for row in rows} == {scores.RECALL} and len(rows) == 6
    for row in rows:
        code, channel = NAMES.index(row["class"]), CHANNELS.index(row["channel"])
        is_known = CODES >= 0

        def recall(named, code=code, is_known=is_known):
            named = np.asarray(named)[is_known]
            found = recall_score(CODES[is_known], named, average=None, labels=[code])
            return found[0]

        whole = np.mean([recall(own["T"]) for own in answered.whole])
        own = np.mean([recall(x) for t in answered.whole for x in permuted(t, channel)])
        assert row["score"] == pytest.approx(whole)
        assert row["value"] == pytest.approx(whole - own)
        assert row["records"] == (CODES == code).sum()


def test_against_controls_another_treatment_s_name_is_right():
    codes, controls = np.array([0, 0, 1, 2, 2, -1]), [2]
    asked = scores.against_controls("T", codes, 0, controls)
    assert asked.groups.tolist() == [0, 0, -1, 1, 1, -1] and asked.chance == 0.5
    right = asked.is_right(np.array([1, 2, 0, 2, 0, 2]))
    assert right[asked.groups >= 0].tolist() == [True, False, True, False]


def test_treatments_are_asked_about_beside_controls_and_controls_are_not(answered):
    every = asked_of_classes([2], answered)
    kinds = [(own[0]["class"], own[0]["kind"]) for own in every]
    assert kinds == [
        ("a", scores.RECALL),
        ("a", scores.CONTROLS),
        ("b", scores.RECALL),
        ("b", scores.CONTROLS),
        ("control", scores.RECALL),
    ]
    rows = every[1]
    known = np.isin(CODES, (0, 2))
    right = [((np.asarray(own["T"]) == 2) == (CODES == 2)) for own in answered.whole]
    whole = [np.mean([r[CODES == 0].mean(), r[CODES == 2].mean()]) for r in right]
    assert rows[0]["score"] == pytest.approx(np.mean(whole)) and known.any()


def test_cells_are_corrected_within_their_kind_by_holm():
    rows = [{"label": "T", "kind": "recall", "p": p} for p in (0.01, 0.04, 0.03)]
    rows.append({"label": "T", "kind": "other", "p": 0.04})
    found = [row["p_corrected"] for row in scores.corrected(rows)]
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.04])


def test_classes_that_no_judged_record_has_do_not_count():
    codes = np.array([0, 3, 3, -1])
    asked = scores.classes("T", codes, 5)
    assert asked.groups.tolist() == [0, 1, 1, -1] and asked.chance == 0.2
