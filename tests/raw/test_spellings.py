"""Paths that differ in spelling alone: which are one, and whose file is whose."""

import pickle

import pytest

from gandl_jax.errors import InputError
from gandl_jax.raw import spellings


def match(absent, there, taken=()):
    found = spellings.match(absent, there, set(taken))
    return {path: found.actual(path) for path in found.wanted()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P1/A1_s1_w1.png", "P1/A01_s1_w1.png"),
        ("P1/AA02_s2_w3.png", "p1/aa2_s02_W3.PNG"),
        ("HUVEC-1/Plate1/M23_s2_w3.png", "HUVEC-01/Plate1/M23_s2_w3.png"),
        ("HepG2-1/Plate10/M3.png", "HEPG2-01/plate_10/M-03.png"),
        ("P1/A1.tif", "P1/a-1.TIF"),
        ("0.png", "000.png"),
        ("A - 01(fld 1 wv DAPI).tif", "A01(fld 1 wv DAPI).tif"),
        ("P1 /B02_s1 _w1.png", "P1/B02_s1_w1.png"),
        ("P1/\u00dcb\u200b_B02.tif", "P1/U\u0308b_b2.tif"),
        ("1e-05.tif", "1e-5.tif"),
        ("2020-01-02/x.tif", "2020-1-2/x.tif"),
        ("a_z001_t0003.tif", "a_z1_t3.tif"),
    ],
)
def test_one_path_in_two_spellings(one, other):
    assert match([one], [other, "P1/B01.png"]) == {one: other}
    assert match([other], [one]) == {other: one}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P1/A1_s1.png", "P1/A10_s1.png"),
        ("P1/A11_s1.png", "P1/A1_1_s1.png"),
        ("P1/A1_s11.png", "P11/A1_s1.png"),
        ("P1/A100.png", "P1/A1.png"),
        ("a/b1.png", "a_b1.png"),
        ("P1/A1.png", "P1/A1.tif"),
        ("10.png", "1.png"),
        ("0.png", ".png"),
        ("x_0.01uM_B02.tif", "x_0.1uM_B02.tif"),
        ("x_0,01uM.tif", "x_0,1uM.tif"),
        ("x_0p01uM.tif", "x_0p1uM.tif"),
        ("x_0_01uM.tif", "x_0_1uM.tif"),
        ("x_0-01uM.tif", "x_0-1uM.tif"),
        ("x1_05uM.tif", "x1_5uM.tif"),
        ("x_1.05.tif", "x_1.5.tif"),
        ("x.01.tif", "x.1.tif"),
        ("x_0.1.tif", "x_.1.tif"),
        ("x_1.0uM.tif", "x_1uM.tif"),
        ("x_1.0.tif", "x_1.00.tif"),
        ("x_-1C.tif", "x_1C.tif"),
        ("t-5.tif", "t5.tif"),
        ("x_log-5.tif", "x_log5.tif"),
        ("1e-5.tif", "1e5.tif"),
        ("1-2.tif", "12.tif"),
        ("x1 .5uM.tif", "x1.5uM.tif"),
    ],
)
def test_paths_that_are_not_one(one, other):
    assert match([one], [other]) == match([other], [one]) == {}


def test_only_what_is_absent_is_looked_for():
    there = ["P1/A01.png", "P1/A2.png"]
    assert match(["P1/A02.png"], there, ["P1/A01.png"]) == {"P1/A02.png": "P1/A2.png"}
    assert match(["P1/A1.png"], there, ["P1/A01.png"]) == {}  # that is another's
    assert spellings.Spellings().actual("P1/A1.png") == "P1/A1.png"


def test_a_path_that_comes_twice_is_one_file():
    assert match(["a1.png"], ["A01.png", "A01.png"]) == {"a1.png": "A01.png"}


def test_files_of_one_folder_may_lie_in_two():
    there = ["P01/a1.png", "p1/A2.png", "P01/A3.png"]
    absent = ["P1/A1.png", "P1/A2.png", "P1/A3.png", "P1/A4.png"]
    wanted = dict(zip(absent[:3], there, strict=True))
    assert match(absent, there) == wanted
    copy = pickle.loads(pickle.dumps(spellings.match(absent, there, ())))
    assert [copy.actual(path) for path in absent] == [*there, "P1/A4.png"]


def test_what_is_not_clear_is_told():
    message = r"1 images could be either of two files: A1.PNG and A1.png are.*A01.png;"
    with pytest.raises(InputError, match=message):
        match(["A01.png", "B01.png"], ["A1.png", "A1.PNG", "b1.png"])
    message = r"1 images belong to more than one record: A1.png and a01.png.*only A01"
    with pytest.raises(InputError, match=message):
        match(["A1.png", "a01.png"], ["A01.png"])
