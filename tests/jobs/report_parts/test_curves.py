"""Curves and compounds: tables, figures and files hold the rows' numbers."""

import numpy as np
import pytest

from gandl_jax.jobs.report_parts import compounds


def cells(row):
    return [" ".join(cell.split()) for cell in row]


def test_the_table_holds_the_rows_numbers(make, save, rows):
    flat = rows.curve("flat", status="no effect", rescue=0.0)
    save("dose_response", [flat, rows.curve(rows.evil, ec50=0.0313)])
    lines = make().table("Treatment")
    assert cells(lines[1]) == [
        rows.evil, "HRCE", "HRCE-1", "0.0313 0.0157 to 0.0939", "0.85 0.74 to 0.97",
        "0.21 0.13 to 0.34", "1.25", "0.10", "0.90", "0.83", "0.97", "0.002", "6",
        "fitted",
    ]  # fmt: skip
    assert lines[2][0] == "flat" and lines[2][3] == "–" and lines[2][-1] == "no effect"


def test_the_first_page_names_the_rescues(make, save, rows):
    bound = {"ec50_um": None, "ec50_low_um": None, "ec50_high_um": 0.003}
    below = rows.curve("below", status="bound: ...", ec50_bound="below", **bound)
    falling = rows.curve("falling", top=-0.8)
    save("dose_response", [rows.curve(rows.evil, ec50=0.0313), falling, below])
    found = make()
    lines = found.table("Compound")
    assert [cells(line) for line in lines[1:]] == [
        [
            rows.evil,
            "HRCE-1",
            "31.3 nM 15.7 to 93.9",
            "0.85 0.74 to 0.97",
            "0.21 0.13 to 0.34",
        ],
        ["below", "HRCE-1", "< 3 nM", "0.85 0.74 to 0.97", "0.21 0.13 to 0.34"],
    ]
    assert "measured ones before those of which only a bound is known" in found.text


def test_numbers_behind_the_curves_are_saved(make, save, rows, read_csv):
    save("dose_response", [rows.curve(rows.evil, ec50=0.0313)])
    make()
    drawn = read_csv("dose_curves")
    means = [float(r["response"]) for r in drawn if r["shown"] == "means"]
    assert means == pytest.approx([0.35, 1.25, 10.25])  # dose + mean of 0 and 0.5
    assert sum(row["shown"] == "wells" for row in drawn) == 6
    fit = [row for row in drawn if row["shown"] == "fit"]
    dose, response = (
        np.array([float(row[key]) for row in fit])
        for key in ("concentration_um", "response")
    )
    expected = 0.1 + 0.8 / (1 + (0.0313 / dose) ** 1.25)
    np.testing.assert_allclose(response, expected, rtol=1e-12)
    assert dose[0] == pytest.approx(0.1) and dose[-1] == pytest.approx(10.0)
    controls = {r["shown"]: float(r["response"]) for r in drawn if "%" in r["shown"]}
    assert controls["response_1 95 %"] == 1.1
    (line,) = read_csv("dose_response")
    assert line["treatment"] == rows.evil and float(line["rescue_high"]) == 0.97


def test_only_some_curves_are_drawn_and_all_are_listed(make, save, rows, read_csv):
    save("dose_response", [rows.curve(f"c{i:03}", ec50=0.1 + i) for i in range(260)])
    found = make()
    drawn = {row["treatment"] for row in read_csv("dose_curves")}
    assert drawn == {f"c{i:03}" for i in range(24)}, "the most potent"
    assert len(found.table("Treatment")) == 1 + 200
    assert "The first 200 of 260 rows" in found.text
    assert len(read_csv("dose_response")) == 260


@pytest.mark.parametrize(
    ("bound", "low", "high", "words"),
    [
        ("above", 10.0, None, "EC50 >\xa010\xa0µM"),
        ("below", None, 0.003, "EC50 <\xa03\xa0nM"),
    ],
)
def test_bounds_in_words(rows, bound, low, high, words):
    limits = {"ec50_um": None, "ec50_low_um": low, "ec50_high_um": high}
    row = rows.curve(status="bound: ...", ec50_bound=bound, **limits)
    assert compounds.potency(row) == words


def test_controls_that_are_not_told_apart(make, save, rows):
    fits = ("bottom", "top", "r2", "p_effect", "q_effect", "response_at_highest_dose")
    fits += ("rescue", "side_effect")
    row = rows.curve(
        status="not identified: the controls are not told apart",
        points=[],
        controls={"response_0": {}, "response_1": {}},
        **dict.fromkeys(fits),
    )
    save("dose_response", [row])
    text = make().text
    assert "1 without a response, for the controls are not told apart" in text
    assert "The controls of HRCE-1 are not told apart" in text and "q <" not in text


def test_only_untrained_curves(make, save, rows):
    save("dose_response", [rows.curve(encoder="gan@0")])
    assert "From the set gan@0/b8 (untrained)" in make().text
