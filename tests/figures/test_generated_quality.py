"""The curve of generated images shows the distances and the floor that were given."""

from gandl_jax.figures import generated_quality


def test_distances_channels_and_the_floor_are_drawn():
    distances = [(3.0, 2.5, 3.5), (1.0, 0.5, 1.5)]
    figure = generated_quality.draw(
        [10, 20], distances, {"DNA": [4.0, 2.0]}, (0.0, -0.1, 0.1), "kernel distance"
    )
    (axes,) = figure.axes
    floor, generated, channel = axes.get_lines()
    assert set(floor.get_ydata()) == {0.0}
    assert list(generated.get_ydata()) == [3.0, 1.0]
    assert list(generated.get_xdata()) == [10, 20]
    assert list(channel.get_ydata()) == [4.0, 2.0] and channel.get_label() == "DNA"
    (band,) = axes.collections
    assert {(x, y) for x, y in band.get_paths()[0].vertices} == {
        (10, 2.5), (10, 3.5), (20, 0.5), (20, 1.5)
    }  # fmt: skip
    (floor_band,) = axes.patches
    assert (round(floor_band.get_y(), 6), round(floor_band.get_height(), 6)) == (
        -0.1,
        0.2,
    )
