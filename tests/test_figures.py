"""What is drawn is what was given."""

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from gandl_jax import figures

CURVE = {
    "wells": ([0.01, 0.01, 0.1, 1.0], [0.0, 0.2, 0.5, 0.9]),
    "means": ([0.01, 0.1, 1.0], [0.1, 0.5, 0.9]),
    "curve": ([0.01, 0.1, 1.0], [0.05, 0.5, 0.95]),
    "ec50_um": (0.05, 0.1, 0.2),
    "controls": {"response_0": (-0.2, 0.0, 0.3), "response_1": (0.7, 1.0, 1.1)},
    "dose_limits_um": (0.01, 1.0),
    "response_limits": (-0.5, 1.5),
}


def lines(figure):
    """Every line of the only axes: ([x], [y])."""
    return [
        (list(line.get_xdata()), list(line.get_ydata()))
        for line in figure.axes[0].get_lines()
    ]


def test_training_draws_every_point_of_every_line():
    given = {"real": ([0, 64, 128], [0.1, 0.5, -0.2]), "generated": ([0, 128], [1, 2])}
    figure = figures.training(given, "logit")
    assert lines(figure) == [(list(x), list(y)) for x, y in given.values()]
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["real", "generated"]
    assert figure.axes[0].get_ylabel() == "logit"


def test_dose_curve_draws_wells_means_fit_and_controls():
    drawn = lines(figures.dose_curve(**CURVE))
    for part in ("wells", "means", "curve"):
        assert CURVE[part] in drawn
    ranges = [y for x, y in drawn if len(x) == 2 and x[0] == x[1] < 0.01]
    assert ranges == [[-0.2, 0.3], [0.7, 1.1]]


def test_dose_curve_marks_the_ec50_and_its_interval():
    axes = figures.dose_curve(**CURVE).axes[0]
    (band,) = axes.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.05, 0.2))
    assert [0.1, 0.1] in [list(line.get_xdata()) for line in axes.get_lines()]


def test_ec50_far_below_the_doses_is_not_drawn_over_the_controls():
    given = CURVE | {"ec50_um": (0.0, 0.001, 0.02)}
    axes = figures.dose_curve(**given).axes[0]
    assert [0.001, 0.001] not in [list(x.get_xdata()) for x in axes.get_lines()]


@pytest.mark.parametrize("ec50", [None, (0.0, 0.1, math.inf)])
def test_dose_curve_without_a_fit_or_with_open_ends(ec50):
    figure = figures.dose_curve(**CURVE | {"ec50_um": ec50, "curve": None})
    bands = figure.axes[0].patches
    assert len(bands) == (0 if ec50 is None else 1)
    for band in bands:
        edges = band.get_x(), band.get_x() + band.get_width()
        assert edges[0] < 0.01 and 1.0 < edges[1] < math.inf
    figures.to_svg(figure, "a", "b")


def test_scores_draws_values_and_intervals():
    series = {
        "trained": [(0.7, 0.6, 0.8), (0.5, 0.4, 0.65)],
        "untrained": [None, (0.55, 0.5, 0.6)],
    }
    axes = figures.scores(["HRCE", "VERO"], series, "accuracy", 0.5).axes[0]
    values = [list(line.get_xdata()) for line in axes.get_lines()]
    assert values == [[0.7, 0.5], [0.55], [0.5, 0.5]]  # the last is chance
    spans = [c.get_segments() for c in axes.collections]
    ends = [[(s[0][0], s[1][0]) for s in segments] for segments in spans]
    assert ends == [[(0.6, 0.8), (0.4, 0.65)], [(0.5, 0.6)]]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["HRCE", "VERO"]


def test_svg_is_one_element_with_nothing_outside_and_stays_the_same():
    first, second = (
        figures.to_svg(figures.dose_curve(**CURVE), "c1", "A & <b>") for _ in range(2)
    )
    assert first == second
    assert "http" not in first
    root = ElementTree.fromstring(first)
    assert root.tag == "svg"
    assert root.get("aria-label") == root.find("title").text == "A & <b>"
    assert all(e.get("id", "c1-").startswith("c1-") for e in root.iter())
    words = ["".join(e.itertext()) for e in root.iter("text")]
    assert "dose (µM)" in words, "text stays text"


def test_svg_refers_to_ids_that_exist():
    text = figures.to_svg(figures.training({"a": ([0, 1], [0, 1])}, "y"), "t", "t")
    root = ElementTree.fromstring(text)
    ids = {e.get("id") for e in root.iter()}
    links = [e.get("href") for e in root.iter() if e.get("href")]
    clips = [e.get("clip-path") for e in root.iter() if e.get("clip-path")]
    assert links and clips
    assert {link.removeprefix("#") for link in links} <= ids
    assert {clip.removeprefix("url(#").removesuffix(")") for clip in clips} <= ids


def test_names_are_never_read_as_formulas():
    names = ["$x_{", "a$b$"]
    figure = figures.scores(names, {"trained": [(0.5, 0.4, 0.6)] * 2}, "accuracy", 0.5)
    root = ElementTree.fromstring(figures.to_svg(figure, "s", "$x_{"))
    words = ["".join(e.itertext()) for e in root.iter("text")]
    assert set(names) <= set(words)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.01, 3.0, [0.01, 0.1, 1.0]), (2.0, 5.0, [2.0, 5.0]), (1e-6, 10.0, None)],
)
def test_dose_axis_has_few_ticks(low, high, expected):
    limits = {"dose_limits_um": (low, high)}
    figure = figures.dose_curve(**CURVE | limits)
    ticks = figure.axes[0].get_xticks()
    if expected is not None:
        np.testing.assert_allclose(ticks, expected)
    assert len(ticks) <= 5
