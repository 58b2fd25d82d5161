"""Remarks on metadata that are odd but no error."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gandl_jax.prepared.remarks import images, remarks
from gandl_jax.screens import rxrx19a

SPEC = dataclasses.replace(rxrx19a.SCREEN, response_0=None, response_1=None)


def table(treatments=("a", "b", "c"), doses=(1.0, 2.0, 3.0), role="treated"):
    return pd.DataFrame(
        {
            "Metadata_Treatment": treatments,
            "Metadata_Concentration_uM": doses,
            "Metadata_Role": role,
        }
    )


def test_nothing_odd_is_not_remarked():
    assert remarks(SPEC, table()) == []
    assert remarks(SPEC, table(doses=np.nan, role="other")) == []
    assert remarks(SPEC, table()[["Metadata_Role"]]) == []


@pytest.mark.parametrize("other", ["gs-441524", "GS 441524", "GS441524", "Gs_441524 "])
def test_two_spellings_of_one_treatment(other):
    (told,) = remarks(SPEC, table(("GS-441524", other, "GS-441525")))
    assert (
        "1 treatment seems" in told
        and repr("GS-441524") in told
        and repr(other) in told
    )


@pytest.mark.parametrize(
    ("doses", "message"),
    [
        ((np.nan, 1.0, 2.0), "1 of 3 treated records have no concentration"),
        ((np.nan, np.nan, np.nan), "3 of 3 treated records have no concentration"),
        ((0.5, 0.5, 0.5), "all 3 treated records have one concentration, 0.5 uM"),
    ],
)
def test_doses_that_say_nothing(doses, message):
    (told,) = remarks(SPEC, table(doses=doses))
    assert message in told


def test_controls_that_no_record_is():
    spec = dataclasses.replace(SPEC, response_0={"drug": ("DMS0", "")})
    (told,) = remarks(spec, table())
    assert "response_0 (drug=DMS0|)" in told
    assert remarks(spec, table(role="response_0")) == []


def wells(*plates):
    """A table with the wells of each plate, two sites in each."""
    rows = [(f"p{i}", well) for i, plate in enumerate(plates) for well in plate * 2]
    columns = ["Metadata_Plate", "Metadata_Well"]
    return pd.DataFrame(rows, columns=columns).assign(Metadata_Role="other")


ALL = [f"{row}{column:02}" for row in "ABC" for column in range(1, 5)]


def test_plates_that_lack_wells():
    whole = [ALL] * 3
    assert remarks(SPEC, wells(*whole)) == []
    (told,) = remarks(SPEC, wells(*whole, ALL[2:]))
    assert (
        told.startswith("1 of 4 plates lacks wells") and "p3 (2, such as A01)" in told
    )
    (told,) = remarks(SPEC, wells(*whole, *[ALL[:-1]] * 2, ALL[1:], ALL[3:]))
    assert "4 of 7 plates" in told and told.count("such as") == 3 and "..." in told
    (told,) = remarks(SPEC, wells(ALL, ALL[:-1]))
    assert "1 of 2 plates" in told and "p1 (1, such as C04)" in told


def test_plates_of_unlike_layouts_lack_nothing():
    assert remarks(SPEC, wells(ALL[:6], ALL[6:])) == []
    assert remarks(SPEC, wells(ALL[:4] + ALL[4:6], ALL[4:8], ALL[6:])) == []
    assert remarks(SPEC, wells(ALL)) == []


def seen(pixels):
    """What is kept of images [N, C, H, W], computed image by image."""
    return np.array([[kept(image) for image in site] for site in pixels], np.uint64)


def kept(image):
    return hash(image.tobytes()) % 2**64, int(image.max()), (image == image.max()).sum()


def odd(pixels):
    def name(record, channel):
        return f"{record}/{channel}"

    size = pixels[0, 0].size
    return images(seen(pixels), ("dna", "actin"), name, pixels=size)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 200, (6, 2, 20, 20), np.uint16)


def test_images_with_nothing_odd(noise):
    assert odd(noise) == []
    noise[0, 0, 0, :4] = 255  # 1 % of the pixels is not more than 1 %
    assert odd(noise) == []


def test_constant_images(noise):
    noise[[1, 4], 1] = 7
    noise[2, 0] = 255
    assert odd(noise) == [
        "1 of 6 images of channel 'dna' is constant, one level in every pixel: 2/0",
        "2 of 6 images of channel 'actin' are constant, one level in every pixel: "
        "1/1, 4/1",
    ]


@pytest.mark.parametrize(
    ("full", "told"), [(255, True), (4095, True), (65535, True), (254, False)]
)
def test_saturated_images(noise, full, told):
    """8 bits, 12 and 16 have their own end; images that do not reach it are not."""
    noise[1:6, 0, 0, :5] = full
    wanted = (
        "5 of 6 images of channel 'dna' are saturated, over 1% of the pixels at "
        f"{full}: 1/0, 2/0, 3/0, ..."
    )
    assert odd(noise) == ([wanted] if told else [])


def test_identical_images(noise):
    noise[3, 1] = noise[2, 0]
    noise[5, 0] = noise[2, 0]
    (told,) = odd(noise)
    assert told == (
        "2 of 12 images are identical to one of another name: 2/0 = 3/1, 2/0 = 5/0"
    )


def test_names_of_hyphens_and_blanks_alone_are_no_spellings_of_another():
    assert remarks(SPEC, table(("", "-", "--"))) == []
