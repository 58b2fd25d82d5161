"""A line of stages is read as branches, decisions and steps back."""

import pytest

from gandl_jax import stages
from gandl_jax.errors import InputError

COLONIES = "debris | dense > spread > differentiated"


def test_a_hierarchy_tells_branches_apart_first_and_then_each_stage_from_later_ones():
    found = stages.read("method.hierarchy", COLONIES)
    assert found.names == ("debris", "dense", "spread", "differentiated")
    assert [decision.sides for decision in found.decisions] == [
        (("debris",), ("dense", "spread", "differentiated")),
        (("dense",), ("spread", "differentiated")),
        (("spread",), ("differentiated",)),
    ]
    assert [d.side("spread") for d in found.decisions] == [1, 1, 0]
    assert [d.side("debris") for d in found.decisions] == [0, -1, -1]


def test_of_some_classes_the_order_of_the_others_stays():
    found = stages.read("x", "a | b > c > d | e").only({"b", "d", "e"})
    assert found.branches == (("b", "d"), ("e",))
    assert stages.read("x", "a > b").decisions == (stages.Decision((("a",), ("b",))),)


def test_shares_of_classes_are_products_of_those_of_the_sides():
    found = stages.read("x", COLONIES)
    shares = stages.shares(found, [(0.5, 0.5), (0.2, 0.8), (0.25, 0.75)])
    expected = {"debris": 0.5, "dense": 0.1, "spread": 0.1, "differentiated": 0.3}
    assert shares == pytest.approx(expected)


@pytest.mark.parametrize(
    "text, words",
    [
        ("a > > b", "lacks a class"),
        ("a | b > a", "names 'a' twice"),
        ("a", "names one class, and two"),
        ("", "lacks a class"),
    ],
)
def test_other_lines_are_refused(text, words):
    with pytest.raises(InputError, match=words):
        stages.read("method.hierarchy", text)


def test_a_hierarchy_of_other_classes_is_refused():
    found, what = stages.read("x", "debris | dense > spread"), "config.data.label=State"
    with pytest.raises(InputError, match="names 'spread', which is no class of config"):
        stages.check_names("x", found, ["debris", "dense", "spraed"], what)
    with pytest.raises(InputError, match="leaves out 'differentiated', a class of"):
        stages.check_names("x", found, [*found.names, "differentiated"], what)


def test_steps_back_are_pairs():
    assert stages.read_returns("x", ("d>a", " d > b ")) == (("d", "a"), ("d", "b"))
    for wrong in ("d", "d>", "a>b>c"):
        with pytest.raises(InputError, match="write a step back as two classes"):
            stages.read_returns("x", (wrong,))
