"""Scores against costs: many methods are told apart, and named within the figure."""

from gandl_jax.figures import against


def test_points_intervals_and_names_of_nineteen_methods():
    names = [
        f"{method} morpho_{part}{setup}"
        for method, part in (
            ("byol", ""),
            ("autoencoder", ""),
            ("autoencoder", "regularised_"),
            ("classifier", ""),
        )
        for setup in ("one", "one_augmented", "several", "several_augmented")
    ] + ["gan", "dino", "autoencoder morpho_untrained"]
    points = {name: (1 + i / 9, 0.5, 0.4, 0.7) for i, name in enumerate(names)}
    figure = against.draw(points, "minutes", "score")
    (axes,) = figure.axes
    lines = axes.get_lines()
    found = [(line.get_xdata()[0], line.get_ydata()[0]) for line in lines]
    assert found == [(x, value) for x, value, _, _ in points.values()]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 19
    labels = [line.get_label().replace("_\n", "_").replace("\n", " ") for line in lines]
    assert labels == names
    legend = axes.get_legend().get_window_extent()
    assert legend.y0 >= 0 and legend.y1 <= figure.bbox.y1
    assert legend.x1 <= figure.bbox.x1


def test_costs_that_differ_by_far_lie_on_a_logarithmic_axis():
    few = {"a": (1.0, 0.5, 0.4, 0.6), "b": (9.0, 0.5, 0.4, 0.6)}
    (axes,) = against.draw(few, "minutes", "score").axes
    assert axes.get_xscale() == "linear" and axes.get_xlim()[0] == 0
    (axes,) = against.draw(few | {"c": (11.0, 0.5, 0.4, 0.6)}, "m", "s").axes
    assert axes.get_xscale() == "log"
