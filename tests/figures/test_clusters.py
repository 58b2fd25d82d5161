"""Clusters on a map: every record is drawn once, in its cluster's colour."""

import numpy as np

from gandl_jax.figures import clusters, style


def test_records_and_silhouettes_are_drawn():
    labels = [0, 1, -1, 0, 9]
    figure = clusters.draw(
        positions=([0.0, 1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0, 9.0]),
        labels=labels,
        sizes=[10, 20],
        silhouettes=[0.3, 0.1],
        least=0.25,
    )
    on_map, by_size = figure.axes
    drawn = [
        (x, y, line.get_color())
        for line in on_map.get_lines()
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]
    colours = {-1: clusters.NOISE, 0: style.SERIES[0], 1: style.SERIES[1]}
    wanted = [(i, i + 5, colours[label]) for i, label in enumerate(labels[:4])]
    assert sorted(drawn) == sorted([*wanted, (4, 9, style.SERIES[1])])
    line, level = by_size.get_lines()
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([10, 20], [0.3, 0.1])
    assert set(level.get_ydata()) == {0.25}


def test_noise_alone_has_a_map():
    places = np.zeros(3), np.zeros(3)
    figure = clusters.draw(
        positions=places, labels=[-1] * 3, sizes=[10], silhouettes=[0.0], least=0.3
    )
    assert len(figure.axes[0].get_lines()) == 1
