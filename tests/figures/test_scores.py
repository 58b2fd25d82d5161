"""Scores: values, intervals and chance lie where they were given."""

import xml.etree.ElementTree as ElementTree

from gandl_jax.figures import scores, style

SERIES = {
    "trained": [(0.7, 0.6, 0.8), (0.5, 0.4, 0.65)],
    "untrained": [None, (0.55, 0.5, 0.6)],
}


def test_values_intervals_and_chance_are_drawn():
    names = ["HRCE", "VERO"]
    (axes,) = scores.draw(names, SERIES, "accuracy", [0.5, 0.25]).axes
    values = [list(line.get_xdata()) for line in axes.get_lines()]
    assert values == [[0.7, 0.5], [0.55]]
    spans = [c.get_segments() for c in axes.collections]
    ends = [[(s[0][0], s[1][0]) for s in segments] for segments in spans]
    assert ends == [
        [(0.6, 0.8), (0.4, 0.65)],
        [(0.5, 0.6)],
        [(0.5, 0.5), (0.25, 0.25)],  # chance, of each line its own
    ]
    assert [t.get_text() for t in axes.get_yticklabels()] == names
    assert axes.get_xlabel() == "accuracy"


def test_a_score_without_an_interval_is_a_point():
    (axes,) = scores.draw(["a"], {"x": [(0.5, None, None)]}, "s", [None]).axes
    assert [list(line.get_xdata()) for line in axes.get_lines()] == [[0.5]]
    assert all(not c.get_segments() for c in axes.collections)


def test_a_kind_keeps_its_colour_whatever_stands_beside():
    def colours(series):
        (axes,) = scores.draw(["a"], series, "s", [0.5]).axes
        return {x.get_label(): x.get_color() for x in axes.get_lines()}

    point = [(0.5, 0.4, 0.6)]
    all_kinds = dict.fromkeys(("trained", "my table", "untrained", "intensity"), point)
    few = colours({"intensity": point, "untrained": point})
    every = colours(all_kinds)
    assert few.items() <= every.items()
    assert len(set(every.values())) == 4


def test_names_are_never_read_as_formulas_and_fit_the_margin():
    names = ["$x_{", "a$b$", "x" * 60]
    point = [(0.5, 0.4, 0.6)] * 3
    figure = scores.draw(names, {"trained": point}, "accuracy", [0.5] * 3)
    root = ElementTree.fromstring(style.to_svg(figure, "s", "$x_{"))
    words = {"".join(e.itertext()) for e in root.iter("text")}
    assert set(names[:2]) <= words
    assert any(word.startswith("xxx") and len(word) < 30 for word in words)


def test_names_of_sixteen_ways_are_told_apart():
    """Whole, in lines; what one word has too much is cut."""
    names = [
        f"autoencoder morpho_{part}several{end}"
        for part in ("", "regularised_")
        for end in ("", "_augmented")
    ]
    names += ["two\nlines", "a " * 60]
    (axes,) = scores.draw(names, {"x": [(0.5, 0.4, 0.6)] * 6}, "s", [0.5] * 6).axes
    shown = [label.get_text() for label in axes.get_yticklabels()]
    whole = [label.replace("_\n", "_").replace("\n", " ") for label in shown]
    assert whole[:4] == names[:4] and shown[4] == names[4]
    assert all(label.count("\n") < scores.MOST_LINES for label in shown)
    assert shown[5].endswith("…")
