"""What the pictures of channels hold: bars, intervals, cells and stars."""

import numpy as np

from gandl_jax.figures import channels

NAMES = ("dna", "a stain whose name is far too long", "rna")
SCORES = [(0.5, 0.4, 0.6, (0.45, 0.55)), (0.3, 0.1, 0.5, (0.3,)), (0.2, 0.2, 0.2, ())]


def test_bars_are_as_long_as_values_and_lines_as_intervals():
    figure = channels.bars(NAMES, {"weight": SCORES, "lost": SCORES}, {"weight": 1 / 3})
    first, second = figure.axes
    assert [bar.get_width() for bar in first.patches] == [0.5, 0.3, 0.2]
    (ends,) = first.collections
    lines = [path.vertices[:, 0].tolist() for path in ends.get_paths()]
    assert lines == [[0.4, 0.6], [0.1, 0.5], [0.2, 0.2]]
    dots = [line.get_xdata() for line in first.lines if line.get_marker() == "."]
    assert [list(x) for x in dots] == [[0.45, 0.55], [0.3], []]
    upright = [
        line.get_xdata()[0] for line in first.lines if line.get_marker() == "None"
    ]
    assert upright == [0, 1 / 3]
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names == ["dna", "a stain whose name …", "rna"]
    assert second.get_xlabel() == "lost" and len(second.lines) == len(first.lines) - 1


def test_cells_have_their_values_and_the_scale_is_even_about_0():
    values = np.array([[0.1, -0.4, 0.0], [0.2, 0.3, 0.05]])
    figure = channels.heat(("drug", "toxin"), NAMES, values, {(1, 2)}, "lost")
    axes = figure.axes[0]
    (mesh,) = axes.collections
    np.testing.assert_array_equal(mesh.get_array().reshape(2, 3), values)
    assert mesh.get_clim() == (-0.4, 0.4)
    (star,) = axes.texts
    assert star.get_position() == (2.5, 1.55)
    assert [x.get_text() for x in axes.get_yticklabels()] == ["drug", "toxin"]
