"""The chapter of drugs and controls: every measure beside its floors."""

import pytest


@pytest.fixture
def saved(save, rows):
    def add(**changes):
        made = []
        for metric, chance in {"roc_auc": 0.5, "precision": 0.8}.items():
            about = {"task": "drug_control", "metric": metric, "chance": chance}
            about |= {"frequency": 0.8, "label": "drug", "unit": "well"}
            gain = {"untrained": rows.gain(0.2, 0.1, 0.3)}
            made.append(rows.score(value=0.9, differences=gain, **about, **changes))
            made.append(rows.score("gan@0", value=0.7, **about))
            made.append(rows.score("plate", value=0.55, **about))
        save("drug_control", made, warnings=["20 of 30 records are judged"])

    return add


def test_measures_stand_beside_their_floors(saved, make, read_csv):
    saved()
    page = make()
    assert "Are drugs told from controls?" in page.text
    assert "80% are drugs" in page.text and "resampled wells" in page.text
    assert "20 of 30 records are judged" in page.text
    (table,) = [t for t in page.tables if "Measure" in t[0]]
    assert table[0][:3] == ["Cells", "Test part", "Measure"]
    assert [line[2] for line in table[1:]] == ["ROC-AUC", "precision"]
    assert "0.900" in table[1][3] and "Δ +0.200" in table[1][4]
    assert [line[-1] for line in table[1:]] == ["0.50", "0.80"]
    assert len(read_csv("drug_control")) == 6


def test_what_learnt_the_labels_is_marked(saved, make):
    saved(labels_seen=True)
    (table,) = [t for t in make().tables if "Measure" in t[0]]
    assert ["labels seen" in line[3] for line in table[1:]] == [True, True]
