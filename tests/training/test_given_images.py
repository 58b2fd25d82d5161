"""Images in memory that are not what an encoder takes: refused in a sentence."""

import numpy as np
import pytest

from gandl_jax.errors import InputError
from gandl_jax.training import given_images

IMAGES = np.zeros((2, 8, 8, 3), np.uint8)
TAKES = ("dna", "actin", "er")


@pytest.mark.parametrize(
    "images, told",
    [
        (np.full((2, 8, 8, 3), "a"), r"no numbers \(<U1\): give an array \[N, H, W, C"),
        (np.full((2, 8, 8, 3), None), r"no numbers \(object\)"),
        ([[1], [1, 2]], "different sizes: give one array"),
        (IMAGES[0], r"shape \[8, 8, 3\]: give \[N, H, W, C\].* images\[..., None\]"),
        (IMAGES[:0], r"shape \[0, 8, 8, 3\]"),
        (IMAGES.astype(np.uint16), r"type uint16, and .* of 8 bits \(uint8\)"),
        (IMAGES / 255, "type float64.*not scaled"),
        (IMAGES.astype(np.int64), "type int64"),
    ],
)
def test_what_are_no_raw_levels(images, told):
    with pytest.raises(InputError, match=told) as refused:
        given_images.pixels(images, 8)
    assert "\n" not in str(refused.value)
    assert given_images.pixels(IMAGES.tolist() and IMAGES, 8) is IMAGES


def test_channels_are_taken_by_name_in_the_encoders_order():
    order = given_images.order(4, ["er", "x", "dna", "actin"], TAKES)
    assert IMAGES[..., [0, 1, 2, 2]][..., order].shape[-1] == 3
    assert order == [2, 3, 0]
    assert given_images.order(3, (), TAKES) == slice(None)


@pytest.mark.parametrize(
    "count, channels, told",
    [
        (2, (), "have 2 channels, and the encoder takes dna, actin, er: name those"),
        (3, ("dna", "actin", "eR"), "images have no 'er': valid: actin, dna, eR"),
        (2, ("dna", "actin"), "images have no 'er'"),
        (3, ("dna", "actin"), "channels names dna, actin, and the images have 3"),
        (3, ("dna", "dna", "er"), "name each of them once"),
    ],
)
def test_other_channels_are_refused(count, channels, told):
    with pytest.raises(InputError, match=told):
        given_images.order(count, channels, TAKES)


@pytest.mark.parametrize(
    "size, pad_px, padding, whole, told",
    [
        ((16, 15), 0, "reflect", None, "16x15 px .* tiles of 16 px: give .* 16 px or"),
        ((6, 9), 4, "reflect", None, "give images of 8 px"),
        ((5, 5), 6, "reflect", None, "give images of 7 px"),
        ((32, 32), 2, "constant", (36, 37), "32x32 px .* images of 32x33 px: give wh"),
    ],
)
def test_other_sizes_are_refused(size, pad_px, padding, whole, told):
    with pytest.raises(InputError, match=told):
        given_images.check_size(size, pad_px, padding, 16, whole)
    larger = (32, 33)
    given_images.check_size(larger, pad_px, padding, 16, whole)


def test_plates_are_named_where_they_count():
    assert given_images.rows((), 3, ()).tolist() == [0, 0, 0]
    assert given_images.rows(["b", "a", "b"], 3, ("a", "b")).tolist() == [1, 0, 1]
    assert given_images.rows("b", 2, ("a", "b")).tolist() == [1, 1]
    with pytest.raises(InputError, match=r"0 plates are named for 3 images.*\['a', "):
        given_images.rows((), 3, ("a", "b"))
    with pytest.raises(InputError, match="no levels of the plate 'C': valid: a, b"):
        given_images.rows(["C"], 1, ("a", "b"))
