"""Differences in one setting are found, turned the right way, and told."""

import pytest

from gandl_jax.errors import InputError
from gandl_jax.jobs.compare import parts


def pair(one, other, value, differs_in, question="State"):
    return {
        "task": "staged_classification",
        "question": question,
        "one": one,
        "other": other,
        "value": value,
        "low": value - 0.02,
        "high": value + 0.01,
        "p": 0.01,
        "p_corrected": 0.03,
        "different": True,
        "differs_in": differs_in,
    }


PAIRS = [
    pair("generator (frame-wise)", "plain (frame-wise)", 0.3, "method.name"),
    pair("plain (frame-wise)", "plain (in time)", -0.1, "way"),
    pair("plain (frame-wise)", "tree (frame-wise)", -0.05, "method.hierarchy"),
    pair("plain (frame-wise)", "tree (in time)", -0.2, "method.hierarchy way"),
    pair("plain (in time)", "tree (in time)", 0.04, "method.hierarchy"),
    pair("tree (frame-wise)", "tree (in time)", -0.06, "way"),
]
CONTENTS = [{"task": "staged_classification", "rows": [], "pairs": PAIRS}]


def test_the_later_arm_is_with_the_part():
    found = parts.rows(CONTENTS, "")
    assert [(row["one"], row["other"], row["value"]) for row in found] == [
        ("plain (in time)", "plain (frame-wise)", 0.1),
        ("tree (frame-wise)", "plain (frame-wise)", 0.05),
        ("tree (in time)", "plain (in time)", -0.04),
        ("tree (in time)", "tree (frame-wise)", 0.06),
    ]
    first = found[0]
    assert (first["low"], first["high"]) == pytest.approx((0.09, 0.12))
    assert first["p_corrected"] == 0.03


def test_one_arm_stands_against_all_others():
    found = parts.rows(CONTENTS, "plain (frame-wise)")[4:]
    assert [(row["one"], row["other"], row["value"]) for row in found] == [
        ("generator (frame-wise)", "plain (frame-wise)", 0.3),
        ("tree (in time)", "plain (frame-wise)", 0.2),
    ]
    without_ways = [pair("plain", "gan", -0.2, "method.name")]
    contents = [{"task": "label_classification", "rows": [], "pairs": without_ways}]
    (row,) = parts.rows(contents, "plain (frame-wise)")
    assert (row["one"], row["value"]) == ("gan", 0.2)


def test_questions_stay_together_in_words():
    other = [row | {"question": "other"} for row in PAIRS]
    contents = [{**CONTENTS[0], "pairs": [*PAIRS, *other]}]
    found = parts.rows(contents, "plain (frame-wise)")
    assert [row["question"] for row in found] == ["State"] * 6 + ["other"] * 6
    text = parts.text(found)
    assert text.count("What does each part add?") == 2
    assert "hierarchy" in text and "+0.100 [+0.090, +0.120]" in text
    assert "2 settings" in text and "way" in text
    assert parts.text([]) == "" and parts.section([]) is None
    assert parts._lines("tree (in time)", "plain (frame-wise)") == (
        "tree\n− plain\nin time − frame-wise"
    )
    assert parts._lines("tree (in time)", "tree (frame-wise)") == (
        "tree\nin time − frame-wise"
    )
    assert parts._lines("tree (in time)", "plain (in time)") == (
        "tree\n− plain\n(in time)"
    )
    assert parts._lines("gan", "plain") == "gan\n− plain"
    page = str(parts.section(found))
    assert page.count("<svg") == 2 and page.count("<table") == 2


def test_an_arm_that_there_is_not_is_refused():
    parts.check_against({"plain", "tree"}, "plain (frame-wise)")
    parts.check_against({"plain"}, "")
    with pytest.raises(InputError, match="no config.compare.against 'plan'.*plain"):
        parts.check_against({"plain", "tree"}, "plan (frame-wise)")
