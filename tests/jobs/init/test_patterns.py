"""Patterns that are found in names are read by the product as the names were meant."""

import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.jobs.init import patterns
from gandl_jax.raw import found_records, wells

UUID = "1F2A7C1D-0BB3-4B8A-9187-2805F4C90506"
PLACES = [(p, w, s) for p in ("P1", "P2") for w in ("B02", "H12") for s in (1, 2)]
NUMBER = {"B02": 14, "H12": 96}  # along the rows of 96 wells
LAYOUTS = {
    "ImageXpress": lambda p, w, s, c: (
        f"{p}/TimePoint_1/{p}_{w}_s{s}_w{c + 1}{UUID}.tif"
    ),
    "INCell": lambda p, w, s, c: (
        f"{p}/{w[0]} - {w[1:]}(fld {s} wv {('UV - DAPI', 'Blue - FITC')[c]}).tif"
    ),
    "ScanR": lambda p, w, s, c: (
        f"{p}/data/--W{NUMBER[w]:05}--P{s:05}--Z00000--T00000--{'DF'[c]}API.tif"
    ),
    "Yokogawa CV7000 or CV8000": lambda p, w, s, c: (
        f"{p}/AssayPlate_#6_{w}_T0001F{s:03}L01A{c + 1:02}Z01C{c + 1:02}.tif"
    ),
    "CellVoyager CV1000 or CQ1": lambda p, w, s, c: (
        f"{p}/Image/W{NUMBER[w]}F{s:03}T0001Z01C{c + 1}.tif"
    ),
    "Opera Phenix or Operetta": lambda p, w, s, c: (
        f"{p}__2024-05-13T10_11_12-Measurement 1/Images/"
        f"r0{2 if w == 'B02' else 8}c{w[1:]}f{s:02}p01-ch{c + 1}sk1fk1fl1.tiff"
    ),
    "Cellomics ArrayScan or CellInsight": lambda p, w, s, c: (
        f"MFGTMPcx7_14020618000{p[1]}_{w}f{s:02}d{c}.TIF"
    ),
    "": lambda p, w, s, c: f"images/Plate{p[1]}/{w}_s{s}_w{c + 1}.png",
    "flat": lambda p, w, s, c: f"{p}_{w}_f{s}_{('DAPI', 'GFP')[c]}.png",
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_names_of_instruments_are_read(name, tmp_path):
    paths = sorted(LAYOUTS[name](*place, c) for place in PLACES for c in (0, 1))
    found = patterns.find(paths)
    assert found.instrument == name.removesuffix("flat")
    assert found.matched == found.total == 16 and len(found.codes) == 2
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    table = found_records.find(
        found.file,
        found.codes,
        str(tmp_path),
        well="well",
        wells_per_row=found.wells_per_row,
    )
    read = wells.canonical(table["well"], "well", found.wells_per_row)
    plates = table["plate"].str[-1]  # Cellomics has a number, some only the digit
    sites = pd.to_numeric(table["site"])
    assert sorted(zip("P" + plates, read, sites, strict=True)) == sorted(PLACES)


def test_of_planes_and_time_points_the_first_is_taken():
    paths = [
        f"TimePoint_{t}/W{w}F001T0001Z{z:02}C1.tif"
        for t in (1, 2)
        for w in (1, 2)
        for z in (2, 10)
    ]
    found = patterns.find(sorted(paths))
    assert found.file == "TimePoint_1/W{well}F{site}T0001Z02C{channel}.tif"
    assert found.matched == 2
    assert "of 2 planes the first, 02, is taken" in found.notes
    assert "of 2 time points the first, TimePoint_1, is taken" in found.notes


def test_names_that_say_nothing_are_records():
    paths = [f"images/{kind}/c{i}.png" for kind in ("a b", "c") for i in range(5)]
    found = patterns.find(sorted(paths))
    assert found.file == "images/{plate}/{image}.png"
    assert found.values["plate"] == ("a b", "c") and found.codes == ()


def test_a_last_word_that_all_have_is_a_channel():
    paths = [f"{i:03}_{c}.tif" for i in range(6) for c in ("dna", "er")]
    found = patterns.find(sorted(paths))
    assert found.file == "{image}_{channel}.tif" and found.codes == ("dna", "er")


def test_other_names_are_counted_and_left_out():
    paths = [f"P{p}/A{w:02}_s1_w1.tif" for p in (1, 2) for w in range(1, 9)]
    found = patterns.find(sorted([*paths, "P1/overview.tif"]))
    assert found.matched == 16 and found.total == 17
    (note,) = found.notes
    assert note.startswith("1 of 17 images have names of another form")
    assert note.endswith("P1/overview.tif")


def test_two_images_of_one_place_are_refused():
    names = [f"{i}_A01_T0001F001L01A01Z01C01.tif" for i in "ab"]
    paths = [f"P{p}/{name}" for p in (1, 2) for name in names]
    with pytest.raises(InputError, match="P1/a_A01.* and P1/b_A01.* have one name of"):
        patterns.find(paths)


def test_braces_in_names_are_meant():
    paths = [f"a{{1}}/A0{i}_w1.tif" for i in (1, 2)]
    found = patterns.find(paths)
    assert found.file == "a{{1}}/{well}_w{channel}.tif"
