"""Dose-response curves and compounds: what is drawn is what was given."""

import itertools
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.text import Text

from gandl_jax.figures import dose, style

CURVE = {
    "wells": ([0.01, 0.01, 0.1, 1.0], [0.0, 0.2, 0.5, 0.9]),
    "means": ([0.01, 0.1, 1.0], [0.1, 0.5, 0.9]),
    "fit": ([0.01, 0.1, 1.0], [0.05, 0.5, 0.95]),
    "ec50_um": (0.05, 0.1, 0.2),
    "controls": {"response_0": (-0.2, 0.0, 0.3), "response_1": (0.7, 1.0, 1.1)},
    "dose_limits_um": (0.01, 1.0),
    "response_limits": (-0.5, 1.5),
}


def lines(figure):
    """Every line of the only axes: ([x], [y])."""
    (axes,) = figure.axes
    return [(list(x.get_xdata()), list(x.get_ydata())) for x in axes.get_lines()]


def test_wells_means_fit_and_controls_are_drawn():
    drawn = lines(dose.curve(**CURVE))
    for part in ("wells", "means", "fit"):
        assert CURVE[part] in drawn
    ranges = [y for x, y in drawn if len(x) == 2 and x[0] == x[1] < 0.01]
    assert ranges == [[-0.2, 0.3], [0.7, 1.1]]


def test_the_ec50_and_its_interval_are_marked():
    figure = dose.curve(**CURVE)
    (band,) = figure.axes[0].patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.05, 0.2))
    assert not band.get_hatch()
    assert [0.1, 0.1] in [x for x, _ in lines(figure)]


def test_the_absolute_ec50_is_marked_half_way_up():
    figure = dose.curve(**CURVE, absolute_ec50_um=(0.08, 0.12, math.inf))
    drawn = lines(figure)
    (span,) = [x for x, y in drawn if y == [0.5, 0.5]]
    assert span[0] == 0.08 and 1.0 < span[1] < math.inf
    assert ([0.12], [0.5]) in drawn
    bound = dose.curve(**CURVE, absolute_ec50_um=(0.3, None, math.inf))
    assert [y for x, y in lines(bound) if y in ([0.5], [0.5, 0.5])] == [[0.5, 0.5]]


def test_the_best_dose_of_a_response_that_falls_again_is_marked():
    none = CURVE | {"fit": None, "ec50_um": None}
    figure = dose.curve(**none, best_dose_um=(0.1, 0.3, 1.0))
    (band,) = figure.axes[0].patches
    assert band.get_x() < 0.1 and 1.0 < band.get_x() + band.get_width() < 1.6
    assert [0.3, 0.3] in [x for x, _ in lines(figure)]


def test_an_ec50_far_below_the_doses_is_not_drawn_over_the_controls():
    figure = dose.curve(**CURVE | {"ec50_um": (0.0, 0.001, 0.02)})
    assert [0.001, 0.001] not in [x for x, _ in lines(figure)]


def test_a_bound_is_hatched_and_has_no_line_in_its_middle():
    figure = dose.curve(**CURVE | {"ec50_um": (1.0, None, math.inf), "fit": None})
    (band,) = figure.axes[0].patches
    assert band.get_hatch()
    assert band.get_x() == 1.0 and 1.0 < band.get_x() + band.get_width() < math.inf
    upright = [x for x, _ in lines(figure) if len(x) == 2 and x[0] == x[1] >= 0.01]
    assert upright == []


@pytest.mark.parametrize("ec50", [None, (0.0, 0.1, math.inf)])
def test_without_a_fit_or_with_open_ends(ec50):
    figure = dose.curve(**CURVE | {"ec50_um": ec50, "fit": None})
    bands = figure.axes[0].patches
    assert len(bands) == (0 if ec50 is None else 1)
    for band in bands:
        edges = band.get_x(), band.get_x() + band.get_width()
        assert edges[0] < 0.01 and 1.0 < edges[1] < math.inf
    style.to_svg(figure, "a", "b")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.01, 3.0, [0.01, 0.1, 1.0]), (2.0, 5.0, [2.0, 5.0]), (1e-6, 10.0, None)],
)
def test_the_dose_axis_has_few_ticks(low, high, expected):
    figure = dose.curve(**CURVE | {"dose_limits_um": (low, high)})
    ticks = figure.axes[0].get_xticks()
    if expected is not None:
        np.testing.assert_allclose(ticks, expected)
    assert len(ticks) <= 5


def test_compounds_lie_at_their_side_effect_and_rescue_or_at_the_edge():
    points = {"rises": ([0.1, 9.0], [0.9, 0.2]), "no effect": ([0.3], [-7.0])}
    figure = dose.compounds(points, [], ((-0.5, 2.0), (-1.0, 1.5)))
    drawn = lines(figure)
    assert ([0.1, 2.0], [0.9, 0.2]) in drawn and ([0.3], [-1.0]) in drawn


def test_names_of_compounds_are_no_formulas_and_not_written_over_each_other():
    labels = [(0.0, 1.0, "$x_{"), (0.001, 1.0, "same place"), (1.0, 0.0, "far")]
    points = {"rises": ([0.0, 0.001, 1.0], [1.0, 1.0, 0.0])}
    figure = dose.compounds(points, labels, ((-0.5, 2.0), (-1.0, 1.5)))
    root = ElementTree.fromstring(style.to_svg(figure, "s", "t"))
    words = {"".join(e.itertext()) for e in root.iter("text")}
    assert {"$x_{", "same place", "far"} <= words


def test_names_of_compounds_in_one_place_do_not_overlap_and_stay_below_the_legend():
    side, rescue = np.linspace(-0.02, 0.02, 8), np.linspace(1.0, 1.1, 8)
    names = [f"compound {k}" for k in range(8)]
    labels = list(zip(side, rescue, names, strict=True))
    points = {"rises": (side, rescue)}
    figure = dose.compounds(points, labels, ((-0.1, 1.1), (-0.2, 1.1)))
    figure.canvas.draw()
    # Without the lines, which an annotation counts in.
    boxes = [Text.get_window_extent(text) for text in figure.axes[0].texts]
    assert len(boxes) == 8
    pairs = itertools.combinations([*_insets(boxes)], 2)
    assert not any(one.overlaps(other) for one, other in pairs)
    legend = figure.axes[0].get_legend().get_window_extent()
    assert legend.y0 > figure.axes[0].get_window_extent().y1
    assert not any(legend.overlaps(box) for box in boxes)


def _insets(boxes):
    """Letters' own boxes: without the room for lines and tails around them."""
    return [box.padded(0, -1) for box in boxes]
