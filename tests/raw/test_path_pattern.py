"""Patterns of images' paths, taken apart and filled."""

import pytest

from gandl_jax.raw import path_pattern


@pytest.mark.parametrize(
    ("text", "fields", "path"),
    [
        ("{plate}/{well}_w{channel}.tif", ("plate", "well", "channel"), "P/A1_w2.tif"),
        ("{a b}*_{channel}", ("a b", "channel"), "x*_2"),
        ("{f_{channel}}", ("f_{channel}",), "name"),
        ("{{channel}_f}/{{channel}}", ("{channel}_f", "{channel}"), "N/two"),
        ("{{{well}}}{{x}}.tif", ("well",), "{A1}{x}.tif"),
    ],
)
def test_fields_are_filled_as_written(text, fields, path):
    row = {"plate": "P", "well": "A1", "a b": "x", "f_2": "name", "2_f": "N"}
    pattern = path_pattern.parse(text)
    assert pattern.fields == fields
    assert pattern.fill(row | {"2": "two"}, "2") == path


@pytest.mark.parametrize("text", ["{well", "well}", "{a{b}}", "{{well}", "{x}}"])
def test_a_brace_without_a_partner_is_told(text):
    with pytest.raises(ValueError, match="brace at character"):
        path_pattern.parse(text)


def test_columns_of_each_channel():
    pattern = path_pattern.parse("{p}/{d_{channel}}/{f_{channel}}")
    assert pattern.columns(("x", "y")) == ("p", "d_x", "d_y", "f_x", "f_y")
    assert pattern.per_channel and pattern.columns_per_channel
    pattern = path_pattern.parse("{p}/{file}")
    assert pattern.columns(("x", "y")) == ("p", "file")
    assert not pattern.per_channel and not pattern.is_open


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("a/b/", "a/b/x.tif"),
        ("./a//b/./", "a/b/x.tif"),
        ("/a/", "/a/x.tif"),
        ("a..b/.c", "a..b/.c/x.tif"),
        ("..", "../x.tif"),
    ],
)
def test_a_folder_with_a_slash_at_its_end_is_that_folder(folder, path):
    pattern = path_pattern.parse("{d}/{f}")
    assert pattern.fill({"d": folder, "f": "x.tif"}) == path


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{well}*.tif", "well"),
        ("*{well}.tif", "well"),
        ("a*{f_{channel}}", "f_{channel}"),
        ("{well}_*_{site}.tif", None),
        ("{well}_w{channel}*", None),
        ("*{channel}.tif", None),
    ],
)
def test_an_open_part_beside_a_field(text, field):
    assert path_pattern.parse(text).touching() == field
