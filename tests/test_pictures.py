"""Pixel values worked out by hand."""

import io
import types

import numpy as np
import pytest
from PIL import Image

from gandl_jax import pictures

BLACK, WHITE = -1.0, 1.0
WORDS = ("before", "after, <dried>")


def halves(left, right):
    names = ("left_words", "left", "right_words", "right")
    values = (WORDS[0], left, WORDS[1], right)
    return types.SimpleNamespace(**dict(zip(names, values, strict=True)))


def flat(*values: float, size: int = 2) -> np.ndarray:
    """One image per value, [B, size, size, 1]."""
    return np.broadcast_to(
        np.array(values, np.float32)[:, None, None, None], (len(values), size, size, 1)
    )


def test_grid_places_images_row_by_row_with_white_between():
    sheet = pictures.grid(flat(-1.0, 0.0, 1.0, size=1), columns=2)[..., 0]
    # 0.5 of 255 is 127.5, to the nearest even number 128; the fourth place is empty
    expected = [
        [0, 255, 255, 128],
        [255, 255, 255, 255],
        [255, 255, 255, 255],
        [255, 255, 255, 255],
    ]
    np.testing.assert_array_equal(sheet, expected)
    assert sheet.dtype == np.uint8


def test_grid_clips_and_shows_not_a_number_as_black():
    sheet = pictures.grid(flat(-7.0, 9.0, np.nan, np.inf, size=1), columns=4)
    np.testing.assert_array_equal(sheet[0, ::3, 0], [0, 255, 0, 255])


def test_composite_of_one_channel_is_grey():
    images = flat(-1.0, 0.25)
    rgb = pictures.composite(images)
    np.testing.assert_array_equal(rgb, np.concatenate([images] * 3, axis=-1))


def test_composite_shows_each_channel_in_its_own_colour():
    count = len(pictures.COLOURS)
    images = np.full((count, 1, 1, count), BLACK)
    images[np.arange(count), 0, 0, np.arange(count)] = WHITE
    light = (pictures.composite(images)[:, 0, 0] + 1) / 2
    np.testing.assert_allclose(light, list(pictures.COLOURS.values()), atol=1e-6)
    assert len(np.unique(light.round(3), axis=0)) == count
    assert light[0].argmax() == 2, "the first of five channels is blue"


def test_composite_adds_and_clips():
    half = pictures.composite(np.zeros((1, 1, 1, 2)))  # both channels at half light
    # half of (.2, .4, 1) and half of (0, .7, .2), each to [-1, 1] by 2 x - 1
    np.testing.assert_allclose(half[0, 0, 0], [-0.8, 0.1, 0.2], atol=1e-6)
    full = pictures.composite(np.full((1, 1, 1, 12), WHITE))
    np.testing.assert_array_equal(full[0, 0, 0], [1, 1, 1])
    dark = pictures.composite(np.full((1, 1, 1, 12), BLACK))
    np.testing.assert_array_equal(dark[0, 0, 0], [-1, -1, -1])


@pytest.fixture
def written(tmp_path):
    left = np.full((4, 8, 8, 2), WHITE, np.float32)
    right = np.full((4, 8, 8, 2), BLACK, np.float32)
    left[..., 1] = 0.0
    names = ("DNA", "ER / Golgi")
    return pictures.write_grids(tmp_path / "images", 42, names, halves(left, right))


def test_write_grids_names_and_leaves_nothing_else(written):
    names = [path.name for path in written]
    assert names == [
        "00000042_composite.png",
        "00000042_DNA.png",
        "00000042_ER-Golgi.png",
    ]
    assert sorted(p.name for p in written[0].parent.iterdir()) == sorted(names)


def test_write_grids_puts_each_half_under_its_words(written):
    for path, left in zip(written[1:], (255, 128), strict=True):
        pixels = np.asarray(Image.open(path))
        half = 2 * 8 + pictures.GAP_PX
        assert pixels.shape == (
            pictures.LABEL_PX + half,
            2 * half + pictures.BETWEEN_PX,
            3,
        )
        assert (pixels[-1, :8] == left).all()
        assert (pixels[-1, -8:] == 0).all()
        labels = pixels[: pictures.LABEL_PX]
        assert (labels[:, :half] < 128).any(), "the left words"
        assert (labels[:, half + pictures.BETWEEN_PX :] < 128).any(), "the right words"


def test_a_grid_says_what_its_halves_are(written, tmp_path):
    assert {pictures.read_words(path) for path in written} == {WORDS}
    Image.new("RGB", (4, 4)).save(tmp_path / "former.png")
    (tmp_path / "damaged.png").write_bytes(written[0].read_bytes()[:40])
    for name in ("former.png", "damaged.png", "absent.png"):
        assert pictures.read_words(tmp_path / name) is None, name


def test_write_grids_again_overwrites(tmp_path):
    for value in (WHITE, BLACK):
        images = np.full((1, 4, 4, 1), value, np.float32)
        paths = pictures.write_grids(tmp_path, 1, ("DNA",), halves(images, images))
    assert (np.asarray(Image.open(paths[1]))[-1, 0] == 0).all()


def test_shrunk_only_makes_wide_pictures_smaller(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 20), (10, 20, 30)).save(path)
    sizes = [
        Image.open(io.BytesIO(pictures.shrunk(path, width))).size for width in (10, 99)
    ]
    assert sizes == [(10, 5), (40, 20)]


def test_columns_of_grey_images_stand_under_their_words(tmp_path):
    columns = {
        "dna": np.full((2, 48, 48), -1.0),
        "actin": np.stack([np.full((48, 48), 1.0), np.full((48, 48), 0.0)]),
    }
    path = tmp_path / "columns.png"
    pictures.write_columns(path, columns)
    pixels = np.asarray(Image.open(path))
    # Twice as large, for the words to have room; white lines of 2 px between.
    assert pixels.shape == (16 + 2 * 96 + 2, 2 * 96 + 2, 3)
    assert (pixels[16 : 16 + 96, :96] == 0).all()
    assert (pixels[16 : 16 + 96, 98:] == 255).all()
    assert (pixels[-96:, 98:] == 128).all()
    assert (pixels[:16] < 255).any()  # the words
