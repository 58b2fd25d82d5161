"""The chapter of drug similarity: scores beside floors, medians, and each mechanism."""

import pytest


@pytest.fixture
def saved(save, rows):
    def row(encoder, value, **changes):
        one = rows.score(encoder, value=value, task="drug_similarity")
        medians = {
            f"median_{side}{end}": size + add
            for side, size in (("within", 3.0), ("against", 5.0))
            for end, add in (("", 0.0), ("_low", -0.5), ("_high", 0.5))
        }
        kept = {k: v for k, v in one.items() if k not in ("split", "leaky", "label")}
        mechanism = {"mechanism": rows.evil, "drugs": 2, "wells": 7, "value": value}
        return kept | {
            "kind": "braycurtis",
            "metric": "nearness",
            "against": "controls",
            "mechanisms": 4,
            "drugs": 9,
            "by_mechanism": [mechanism | medians],
            **medians,
            **changes,
        }

    def add(learnt=False, **changes):
        best = row("gan@9", 0.8, labels_seen=learnt, **changes)
        save("drug_similarity", [best, row("plate", 0.5, **changes)])

    return add


def test_scores_medians_and_mechanisms(saved, rows, make, read_csv):
    saved()
    page = make()
    assert "nearer to a drug's well than one of controls does" in page.text
    assert "4 in HRCE, of 9 drugs" in page.text
    (scores,) = [t for t in page.tables if "Compared with" in t[0]]
    assert scores[1][:3] == ["HRCE", "Bray-Curtis", "controls"]
    assert "0.800" in scores[1][3] and "0.500" in scores[1][4]
    (medians,) = [t for t in page.tables if "Within a mechanism" in t[0]]
    assert len(medians) == 3 and "2.5 to 3.5" in medians[1][3]
    mechanisms = page.table("Mechanism")
    assert (mechanisms[1][0], mechanisms[1][4]) == (rows.evil, "7")
    lines = read_csv("drug_similarity")
    assert [line["mechanism"] != "" for line in lines] == [False, True] * 2


def test_what_was_held_out_and_what_learnt_labels_is_said(saved, make):
    saved(split="held_out", learnt=True)
    text = make().text
    assert "Only records that were held out of training are judged." in text
    assert "labels seen" in text
