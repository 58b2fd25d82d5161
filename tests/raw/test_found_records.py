"""Records found by the names of files."""

import pytest

from gandl_jax.errors import InputError
from gandl_jax.raw import found_records


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")
    return str(folder)


def find(file, folder, codes=("1", "2"), **options):
    return found_records.find(file, codes, folder, **options).to_dict("list")


def test_channels_are_grouped_and_fields_become_columns(tmp_path):
    folder = touch(
        tmp_path,
        *(
            f"P{p}/{well}_s1_w{c}.tif"
            for p in "21"
            for well in ("B02", "A1")
            for c in "12"
        ),
        "P1/A1_s1_w3.tif",  # another channel
        "P1/A1_s1_thumb.png",
        "P1/.A1_s9_w1.tif",
        "notes.txt",
    )
    assert find("P{plate}/{well}_s{site}_w{channel}.tif", folder) == {
        "plate": ["1", "1", "2", "2"],
        "well": ["A1", "B02", "A1", "B02"],
        "site": ["1"] * 4,
        "site_id": ["1_A1_1", "1_B02_1", "2_A1_1", "2_B02_1"],
    }


def test_codes_are_text_and_not_patterns(tmp_path):
    folder = touch(tmp_path, "a-DAPI.tif", "a-DAPI+.tif", "b-DAPI+.tif", "c-DAPIx.tif")
    codes = ("DAPI", "DAPI+")
    assert find("{well}-{channel}.tif", folder, codes)["well"] == ["a", "b"]


def test_a_field_that_comes_twice_is_the_same_text(tmp_path):
    folder = touch(tmp_path, "P1/P1_A01.tif", "P2/P1_A02.tif")
    found = find("{plate}/{plate}_{well}.tif", folder)
    assert found["plate"] == ["P1"] and found["well"] == ["A01"]


def test_cells_of_one_site_share_its_id(tmp_path):
    folder = touch(tmp_path, "A01_c1.tif", "A01_c2.tif")
    found = find("{well}_c{number}.tif", folder, cell="number")
    assert found["site_id"] == ["A01", "A01"] and found["number"] == ["1", "2"]


def test_a_field_called_site_id_is_kept(tmp_path):
    found = find("{site_id}_{x}.tif", touch(tmp_path, "s7_y.tif"))
    assert found == {"site_id": ["s7"], "x": ["y"]}


@pytest.mark.parametrize(
    ("file", "paths", "message"),
    [
        ("{well}.tif", [], "there are no files in"),
        ("{well}.tif", ["a.txt", "b/A01.TIF"], "'{well}.tif'.*for example, b/A01.TIF"),
        ("{well}.tif", ["a.txt"], "for example, a.txt"),
        ("{well}_{channel}.tif", ["A01_3.tif"], "no file.*for example, A01_3.tif"),
        (
            "{plate}_{well}.tif",
            ["Week4_27801_B02.tif"],
            "two ways, plate=Week4, well=27801_B02 and plate=Week4_27801, well=B02",
        ),
        ("{plate}{well}.tif", ["P1A01.tif"], "in two ways"),
    ],
)
def test_what_cannot_be_found_is_told(tmp_path, file, paths, message):
    with pytest.raises(InputError, match=message):
        find(file, touch(tmp_path, *paths))


def test_a_record_whose_files_are_in_two_forms_of_unicode_is_one(tmp_path):
    """As copied from a Mac in part: NFD beside NFC, and a pattern in either."""
    nfc, nfd = "\u00dcb", "U\u0308b"
    folder = touch(tmp_path, f"{nfc}/B02_w1.tif", f"{nfd}/B02_w2.tif")
    found = find("{plate}/{well}_w{channel}.tif", folder)
    assert len(found["plate"]) == 1 and found["well"] == ["B02"]
    more = touch(tmp_path / "more", f"A\u030a {nfd}/B02_w1.tif", "\u00c5 1/B02_w1.tif")
    for literal in ("\u00c5 ", "A\u030a "):
        found = find(literal + "{plate}/{well}_w{channel}.tif", more)
        assert len(found["plate"]) == 2


def test_open_text_is_in_no_column_and_files_that_are_ignored_in_no_row(tmp_path):
    folder = touch(
        tmp_path,
        *(f"x_{w}_s1_w{c}{c}F0-9.tif" for w in ("A01", "B02") for c in "12"),
        "x_A01_s1_w1_thumb77.tif",
        "x_C01_s1_w1_thumb78.tif",
    )
    file = "*_{well}_s{site}_w{channel}*.tif"
    found = find(file, folder, ignored=("*_thumb*",))
    assert found == {"well": ["A01", "B02"], "site": ["1", "1"],
                     "site_id": ["A01_1", "B02_1"]}  # fmt: skip


def test_of_several_ways_that_with_a_well_is_meant(tmp_path):
    """Plates with underscores; without such a way the name is told, not guessed."""
    folder = touch(tmp_path, "AS_1_B02.tif", "AS_2_B - 03.tif", "AS_2_r02c04.tif")
    found = find("{plate}_{well}.tif", folder, well="well")
    assert found["plate"] == ["AS_1", "AS_2", "AS_2"]
    assert found["well"] == ["B02", "B - 03", "r02c04"]
    touch(tmp_path, "AS_2_top.tif")
    with pytest.raises(InputError, match="two ways, plate=AS, well=2_top"):
        find("{plate}_{well}.tif", folder, well="well")


def test_codes_of_which_one_begins_another_are_not_guessed(tmp_path):
    folder = touch(tmp_path, "A01_w12F.tif")
    with pytest.raises(InputError, match="two ways, .*channel=1 and .*channel=12"):
        find("{well}_w{channel}*.tif", folder, codes=("1", "12"))
