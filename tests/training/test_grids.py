"""Grids of what a method draws and shows, with its own words."""

import jax
import numpy as np
import pytest
from PIL import Image

from gandl_jax import pictures
from gandl_jax.methods.contract import FIXED, Pair
from gandl_jax.training.grids import Grids


class Drawing:
    """Draws each class in a grey of its own."""

    def samples(self, state, keys, labels):
        assert keys.shape == (FIXED,)
        level = state * (labels["Dose"] - 1.0)
        return level.reshape(-1, 1, 1, 1) * np.ones((1, 4, 4, 1), np.float32)


class Showing:
    """Shows its input beside the same turned dark for light."""

    def show(self, state, batch, key):
        del state, key
        return [Pair("original", batch["images"], "inverted", -batch["images"])]


class Both(Drawing, Showing):
    """Has samples and something to show."""


@pytest.fixture
def write(tmp_path):
    def write(method):
        images = np.full((FIXED, 4, 4, 1), 1.0, np.float32)
        grids = Grids(
            tmp_path,
            method,
            channels=("DNA",),
            classes={"Dose": ("0", "1", "2")},
            fixed=lambda: {"images": images},
            key=jax.random.key(0),
        )
        grids.write(3, np.float32(1))
        return sorted(path.name for path in tmp_path.iterdir())

    return write


def pixels(path):
    """[4, 4] of each of the two halves, in their first row and column of images."""
    picture = np.asarray(Image.open(path))[pictures.LABEL_PX :, :, 0]
    step, half = 4 + pictures.GAP_PX, 4 * (4 + pictures.GAP_PX) - pictures.GAP_PX
    second = half + pictures.BETWEEN_PX
    return [[int(picture[1, x + n * step + 1]) for n in range(4)] for x in (0, second)]


def test_samples_stand_beside_real_images_classes_in_turn(write, tmp_path):
    assert write(Drawing()) == ["00000003_DNA.png", "00000003_composite.png"]
    path = tmp_path / "00000003_DNA.png"
    assert pictures.read_words(path) == ("real", "generated")
    assert pixels(path) == [[255] * 4, [0, 128, 255, 0]]


def test_what_a_method_shows_has_its_own_words(write, tmp_path):
    write(Showing())
    path = tmp_path / "00000003_composite.png"
    assert pictures.read_words(path) == ("original", "inverted")
    assert pixels(path) == [[255] * 4, [0] * 4]


def test_what_is_shown_besides_samples_has_a_number(write):
    names = write(Both())
    assert names == [
        "00000003_2_DNA.png",
        "00000003_2_composite.png",
        "00000003_DNA.png",
        "00000003_composite.png",
    ]


def test_a_method_that_makes_no_images_has_no_grids(write):
    assert write(object()) == []
