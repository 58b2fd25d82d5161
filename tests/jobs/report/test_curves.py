"""Curves and compounds: tables, figures and files hold the rows' numbers."""

import numpy as np
import pytest

from gandl_jax.jobs.report import compounds
from gandl_jax.judging import drawn_doses


def cells(row):
    return [" ".join(cell.split()) for cell in row]


def test_the_table_holds_the_rows_numbers(make, save, rows):
    flat = rows.curve("flat", status="no effect", rescue=0.0)
    save("dose_response", [flat, rows.curve(rows.evil, ec50=0.0313)])
    lines = make().table("Treatment")
    assert cells(lines[1]) == [
        rows.evil, "HRCE", "HRCE-1", "0.0313 0.0157 to 0.0939", "–",
        "0.85 0.74 to 0.97", "0.21 0.13 to 0.34", "1.25", "0.10", "0.90", "0.83",
        "0.97", "0.002", "–", "–", "–", "–", "–", "6", "fitted", "",
    ]  # fmt: skip
    assert lines[2][0] == "flat" and lines[2][3] == "–" and lines[2][-2] == "no effect"


HOOK = {
    "status": "falls again: best at 0.3 uM, where it is ...",
    **dict.fromkeys(("ec50_um", "ec50_low_um", "ec50_high_um", "slope")),
    **dict.fromkeys(("bottom", "top", "ec50_bound", "absolute_ec50_um")),
    "rescue": 0.05, "rescue_low": -0.05, "rescue_high": 0.15,
    "best_dose_um": 0.3, "best_dose_low_um": 0.1, "best_dose_high_um": 1.0,
    "peak": 0.8, "peak_low": 0.7, "peak_high": 0.9,
    "fall": 0.75, "fall_low": 0.61, "fall_high": 0.89,
    "q_falls_again": 0.0001, "q_lack_of_fit": 0.002,
}  # fmt: skip


def test_a_response_that_falls_again_is_told_so_everywhere(make, save, rows, read_csv):
    save("dose_response", [rows.curve("a"), rows.curve("hook") | HOOK])
    page = make()
    line = dict(zip(*map(cells, page.table("Treatment")[:3:2]), strict=True))
    assert line["Treatment"] == "hook" and line["Status"].startswith("falls again")
    assert line["Relative EC50 (µM)"] == line["Absolute EC50 (µM)"] == "–"
    assert line["Best dose (µM)"] == "0.3 0.1 to 1"
    assert line["Peak"] == "0.80 0.70 to 0.90"
    assert line["Fall after it"] == "0.75 0.61 to 0.89"
    assert line["Rescue at the highest dose"] == "0.05 −0.05 to 0.15"
    assert [cell[0] for cell in page.table("Compound")[1:]] == ["a"]
    words = (
        "falls again: best at 0.3\xa0µM (0.1 to 1), where it is 0.80 (0.70 to 0.90), "
        "then down by 0.75 (0.61 to 0.89) at the highest dose"
    )
    plain = page.text.replace("\xa0", " ")
    assert plain.count(words.replace("\xa0", " ")) == 3  # in short, figure, caption
    assert "1 rising toward the wanted state, 1 rising and falling again." in plain
    assert "1 of 2 responses rise and fall again, so they have no EC50" in plain
    assert {r["shown"] for r in read_csv("dose_curves") if r["treatment"] == "hook"} & {
        "fit"
    } == set()
    line = next(r for r in read_csv("dose_response") if r["treatment"] == "hook")
    assert line["ec50_um"] == "" and float(line["fall_low"]) == 0.61


def test_both_ec50s_and_doubts_are_told_everywhere(make, save, rows, read_csv):
    absolute = {
        "absolute_ec50_um": 0.55,
        "absolute_ec50_low_um": 0.4,
        "absolute_ec50_high_um": 0.7,
    }
    above = {"ec50_um": None, "ec50_low_um": 0.62, "ec50_high_um": None}
    above |= {"status": "bound: ...", "ec50_bound": "above", "r2": 0.25}
    row = rows.curve("steep", **above, **absolute, doubts=["first", "second"])
    beyond = {"absolute_ec50_low_um": 10.0, "absolute_ec50_bound": "above"}
    save("dose_response", [row, rows.curve("partial", **beyond)])
    page = make()
    by_name = {cells(c)[0]: cells(c) for c in page.table("Compound")[1:]}
    assert by_name["steep *"][2:4] == ["> 0.62 µM", "0.55 µM 0.4 to 0.7"]
    assert by_name["partial"][2:4] == ["0.2 µM 0.1 to 0.6", "> 10 µM"]
    plain = page.text.replace("\xa0", " ")
    assert (
        "steep HRCE-1 relative EC50 > 0.62 µM, absolute 0.55 µM (0.4 to 0.7)" in plain
    )
    assert "* steep (HRCE-1): first; second." in plain
    assert "Doubtful: first; second" in plain
    assert "something to doubt of 1 curve. steep (HRCE-1): first; second." in plain
    assert {cells(c)[0]: c[-1] for c in page.table("Treatment")[1:]} == {
        "steep": "first; second",
        "partial": "",
    }
    lines = {r["treatment"]: r for r in read_csv("dose_response")}
    assert lines["steep"]["doubts"] == "first; second"
    assert float(lines["steep"]["absolute_ec50_um"]) == 0.55
    assert lines["partial"]["absolute_ec50_bound"] == "above"


def test_what_is_drawn_of_absolute_ec50s_and_of_falls(rows):
    absolute = {"absolute_ec50_um": 0.5, "absolute_ec50_low_um": 0.4}
    row = rows.curve(**absolute, absolute_ec50_high_um=None)
    assert drawn_doses.curve(row)["absolute_ec50_um"] == (0.4, 0.5, np.inf)
    hook = drawn_doses.curve(rows.curve() | HOOK)
    assert hook["best_dose_um"] == (0.1, 0.3, 1.0)
    assert hook["fit"] is hook["ec50_um"] is hook["absolute_ec50_um"] is None
    old = drawn_doses.curve(rows.curve())
    assert old["absolute_ec50_um"] is old["best_dose_um"] is None


def test_the_first_page_names_the_rescues(make, save, rows):
    bound = {"ec50_um": None, "ec50_low_um": None, "ec50_high_um": 0.003}
    below = rows.curve("below", status="bound: ...", ec50_bound="below", **bound)
    falling = rows.curve("falling", top=-0.8)
    save("dose_response", [rows.curve(rows.evil, ec50=0.0313), falling, below])
    found = make()
    lines = found.table("Compound")
    assert [cells(line) for line in lines[1:]] == [
        [
            rows.evil[:20] + "…" + rows.evil[-19:],  # whole where the mouse rests
            "HRCE-1",
            "31.3 nM 15.7 to 93.9",
            "–",
            "0.85 0.74 to 0.97",
            "0.21 0.13 to 0.34",
        ],
        ["below", "HRCE-1", "< 3 nM", "–", "0.85 0.74 to 0.97", "0.21 0.13 to 0.34"],
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
        ("above", 10.0, None, "relative EC50 >\xa010\xa0µM"),
        ("below", None, 0.003, "relative EC50 <\xa03\xa0nM"),
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
