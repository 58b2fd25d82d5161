"""An SVG within a page: one element, nothing outside, nothing that leaks."""

import xml.etree.ElementTree as ElementTree

from gandl_jax.figures import style, training


def drawn():
    return training.draw({"a": ([0, 1], [0, 1])}, "y label")


def test_svg_is_one_element_with_nothing_outside_and_stays_the_same():
    first, second = (style.to_svg(drawn(), "c1", "A & <b>") for _ in range(2))
    assert first == second
    assert "http" not in first
    root = ElementTree.fromstring(first)
    assert root.tag == "svg"
    assert root.get("aria-label") == root.find("title").text == "A & <b>"
    assert all(e.get("id", "c1-").startswith("c1-") for e in root.iter())
    words = ["".join(e.itertext()) for e in root.iter("text")]
    assert "y label" in words, "text stays text"


def test_svg_has_no_style_sheet_which_would_hold_for_the_whole_page():
    root = ElementTree.fromstring(style.to_svg(drawn(), "t", "t"))
    assert not list(root.iter("style"))


def test_svg_refers_to_ids_that_exist():
    root = ElementTree.fromstring(style.to_svg(drawn(), "t", "t"))
    ids = {e.get("id") for e in root.iter()}
    links = [e.get("href") for e in root.iter() if e.get("href")]
    clips = [e.get("clip-path") for e in root.iter() if e.get("clip-path")]
    assert links and clips
    assert {link.removeprefix("#") for link in links} <= ids
    assert {clip.removeprefix("url(#").removesuffix(")") for clip in clips} <= ids


def test_the_diverging_scale_is_pale_in_the_middle_and_even_towards_both_ends():
    def lightness(colour):  # luma of ITU-R BT.709
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    values = [lightness(colour) for colour in style.DIVERGING]
    middle = len(values) // 2
    assert values[middle] == max(values)
    assert values[: middle + 1] == sorted(values[: middle + 1])
    assert values[middle:] == sorted(values[middle:], reverse=True)
    for left, right in zip(values, reversed(values), strict=True):
        assert abs(left - right) < 25, "neither end weighs more"
