"""Learning curves show the scores that were given."""

from gandl_jax.figures import learning


def test_means_intervals_seeds_and_the_floor_are_drawn():
    trained = [(0.6, 0.5, 0.7), (0.8, 0.75, 0.85)]
    dots = [[0.55, 0.65], [0.78, 0.82]]
    (axes,) = learning.draw([10, 20], trained, dots, (0.5, 0.4, 0.6), "score").axes
    floor, mean, *seeds = axes.get_lines()
    assert set(floor.get_ydata()) == {0.5} and floor.get_label() == "untrained"
    assert list(mean.get_xdata()) == [10, 20] and list(mean.get_ydata()) == [0.6, 0.8]
    found = [(list(x.get_xdata()), list(x.get_ydata())) for x in seeds]
    assert found == [([10, 10], [0.55, 0.65]), ([20, 20], [0.78, 0.82])]
    (band,) = axes.collections
    corners = {(x, round(y, 6)) for x, y in band.get_paths()[0].vertices}
    assert corners == {(10, 0.5), (10, 0.7), (20, 0.75), (20, 0.85)}
    (floor_band,) = axes.patches
    low, height = floor_band.get_y(), floor_band.get_height()
    assert (round(low, 6), round(low + height, 6)) == (0.4, 0.6)
    assert axes.get_ylabel() == "score" and axes.get_xlabel() == "training step"
