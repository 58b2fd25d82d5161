"""Infection along doses: what is drawn is what was given."""

import pytest

from gandl_jax.figures import efficacy, style


def test_wells_medians_and_bounds_are_drawn():
    wells = ([0.1, 0.1, 1.0], [0.9, 0.7, 0.2])
    doses = [(0.1, 0.8, 0.95, False), (1.0, 0.2, 0.4, True), (3.0, 0.3, None, None)]
    figure = efficacy.curve(
        wells=wells,
        doses=doses,
        controls={"response_0": 0.85, "response_1": 0.1},
        dose_limits_um=(0.1, 3.0),
    )
    (axes,) = figure.axes
    drawn = [
        (
            list(map(float, x.get_xdata())),
            list(map(float, x.get_ydata())),
            x.get_color(),
        )
        for x in axes.get_lines()
    ]
    places = [(x, y) for x, y, _ in drawn]
    assert (wells[0], wells[1]) in places
    assert ([0.1, 1.0, 3.0], [0.8, 0.2, 0.3]) in places
    assert ([1.0, 1.0], [0.2, 0.4], efficacy.EFFECTIVE) in drawn
    assert ([0.1, 0.1], [0.8, 0.95], efficacy.OTHER) in drawn
    assert not any(x == [3.0, 3.0] for x, _ in places), "a dose without a bound"
    level = {colour: y[0] for _, y, colour in drawn if len(set(y)) == 1 and len(y) == 2}
    assert level[style.CONTROLS["response_0"]] == 0.85
    assert level[style.CONTROLS["response_1"]] == pytest.approx(0.1)
    assert axes.get_xlim()[0] < 0.1 and axes.get_xlim()[1] > 3
