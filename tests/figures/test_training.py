"""Training curves show what was given."""

from gandl_jax.figures import training


def test_every_point_of_every_line_is_drawn():
    given = {"real": ([0, 64, 128], [0.1, 0.5, -0.2]), "generated": ([0, 128], [1, 2])}
    (axes,) = training.draw(given, "logit").axes
    lines = [(list(x.get_xdata()), list(x.get_ydata())) for x in axes.get_lines()]
    assert lines == [(list(x), list(y)) for x, y in given.values()]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["real", "generated"]
    assert axes.get_ylabel() == "logit"
