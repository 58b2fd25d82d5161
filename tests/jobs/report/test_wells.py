"""Wells: the counts, the plates, the maps and their numbers."""

import re

import numpy as np
import pytest

from gandl_jax.figures import plate as plate_figure
from gandl_jax.jobs.report import maps, plates, wells


@pytest.fixture
def read(rows):
    """Wells of one row of well_map."""

    def read(**changes):
        row = rows.well_map(**changes)
        return wells.read([row], {"trained": "gan@9"}, "b8")["trained"]

    return read


def test_wells_in_the_wanted_state_are_counted(read):
    # Treated wells with a response: .8, .2, .7; response 0: -.1, .1, 0, .6;
    # response 1: .9, 1.1, 1.0, .4.
    assert wells.answer(read().frame) == (
        "2 of 3 treated wells (67%) look more like Mock than like the controls without "
        "effect. For comparison: 25% of the controls without effect and 75% of the "
        "controls in the wanted state (Mock) do. Without a response, as "
        "controls are missing or not told apart: 1 well."
    )


def test_controls_are_called_what_the_screen_calls_them(read):
    assert wells.control_names(read().frame) == {
        "response_0": "Active",
        "response_1": "Mock",
    }
    same = read(condition=["x"] * 12).frame
    assert wells.control_names(same) == {}
    two = read(condition=["x", "y"] * 6).frame
    assert wells.control_names(two) == {}


def test_plates_are_ordered_as_people_do(read):
    assert wells.natural(["P10", "P2", "P1b", "P1"]) == ["P1", "P1b", "P2", "P10"]
    frame = read().frame
    # One treated well in the wanted state on each: natural order decides.
    assert wells.best_plates(frame) == ["HRCE-1/2", "HRCE-1/10"]
    response = frame["response"].tolist()
    response[4] = 0.0  # now there is none on plate 2
    assert wells.best_plates(read(response=response).frame) == ["HRCE-1/10", "HRCE-1/2"]


def test_a_plate_shows_each_wells_response_and_marks_the_controls(read):
    of = read()
    svg = plates.heat_map(of.frame, "HRCE-1/10")
    fill = re.compile(r'<path fill="(#\w+)" d="([^"]+)"')
    colours = {
        (int(row) + 1, int(column) + 1): colour
        for colour, path in fill.findall(svg)
        for column, row in re.findall(r"M(\d+) (\d+)h", path)
    }
    own = of.frame[of.frame["plate_name"] == "HRCE-1/10"]
    assert colours == {
        (row, column): plate_figure.colour(response)
        for row, column, response in zip(
            own["row"], own["column"], own["response"], strict=True
        )
    }
    assert colours[16, 24] == plate_figure.UNKNOWN
    assert 'viewBox="-1.3 -0.8 25.4 16.9"' in svg, "384 wells"
    assert "1 of 2 treated wells in the wanted state" in svg


def test_what_a_well_holds_is_told_beside_the_pointer(make, save, rows):
    save("well_map", [rows.well_map()])
    data = make().data["plate-data-simulated"]
    assert set(data) == {"HRCE-1/2", "HRCE-1/10"}
    assert data["HRCE-1/2"][0] == [
        1,
        1,
        "A01 · Active · control without effect · response -0.10",
    ]
    words = f"C03 · {rows.evil} 50\xa0nM · Active · response 0.80"
    assert data["HRCE-1/2"][4] == [3, 3, words]
    assert data["HRCE-1/10"][5] == [16, 24, "P24 · other 10\xa0µM · Active"]


def test_at_most_twelve_plates_are_drawn_those_with_most_such_wells(read):
    count = 20
    response = [float(i >= 5) for i in range(count)]
    of = read(
        experiment=["E"] * count,
        plate=[str(i) for i in range(count)],
        well=["A01"] * count,
        row=[1] * count,
        column=[1] * count,
        cell_type=None,
        role=["treated"] * count,
        condition=None,
        treatment=["t"] * count,
        concentration_um=[1.0] * count,
        response=response,
        side_effect=None,
        pca_1=None,
        pca_2=None,
        umap_1=None,
        umap_2=None,
    )
    text = plates.section("s", of)
    drawn = re.findall(r'data-plate="E/(\d+)"', text)
    assert sorted(map(int, drawn)) == list(range(5, 17))
    assert "12 of 20 plates" in text


def test_all_wells_are_in_the_file(make, save, rows, read_csv):
    save("well_map", [rows.well_map(), rows.well_map("intensity")])
    make()
    lines = read_csv("wells")
    assert len(lines) == 24
    assert {line["set"] for line in lines} == {"gan@9/b8", "intensity"}
    assert float(lines[3]["response"]) == 1.1 and lines[3]["well"] == "B02"
    assert lines[11]["response"] == "" and lines[4]["treatment"] == rows.evil


def test_the_map_has_the_wells_coordinates_to_scale(make, save, rows):
    row = rows.well_map()
    save("well_map", [row, rows.well_map("intensity")])
    data = make().data["map-data-simulated"]
    assert [one["name"] for one in data["sets"]] == ["trained (gan@9/b8)", "intensity"]
    # Wells without UMAP are left out: eleven of twelve are drawn.
    for plot in ("pca", "umap"):
        drawn = np.array(data["sets"][0][plot], float)
        given = np.array([row["wells"][f"{plot}_{k}"][:11] for k in (1, 2)], float)
        assert drawn.shape == (2, 11) and 0 <= drawn.min() and drawn.max() <= maps.GRID
        scale = np.ptp(drawn[0]) / np.ptp(given[0])
        for across, real in zip(drawn, given, strict=True):
            np.testing.assert_allclose(
                across - across[0], scale * (real - real[0]), atol=1.5
            )
    fields = {field["key"]: field for field in data["fields"]}
    plate = fields["plate_name"]
    assert plate["levels"] == ["HRCE-1/2", "HRCE-1/10"]
    assert plate["codes"] == [0] * 6 + [1] * 5
    assert fields["concentration_um"]["values"][4:6] == [0.05, 10.0]
    assert "experiment" not in fields, "the same in all wells"
    own = {field["key"]: field["values"] for field in data["sets"][0]["fields"]}
    assert own["response"] == row["wells"]["response"][:11]


def test_the_map_is_thinned_evenly(read):
    count = 3 * maps.MOST
    frame = read().frame.iloc[np.zeros(count, int)].assign(umap_1=np.nan)
    frame["pca_1"] = np.where(np.arange(count) % 2, 1.0, np.nan)
    chosen = maps.drawn(frame)
    assert len(chosen) == maps.MOST == len(set(chosen))
    assert frame["pca_1"].iloc[chosen].notna().all()
    assert chosen[0] == 1 and chosen[-1] == count - 1
    assert np.ptp(np.diff(chosen)) <= 2


def test_a_screen_without_plates_has_a_map_only(make, save, rows):
    places = ("experiment", "plate", "well", "row", "column", "concentration_um")
    save("well_map", [rows.well_map(**dict.fromkeys(places))])
    found = make()
    assert "map-simulated" in found.values("id")
    assert "Each point is one image (11 of 12)" in found.text
    assert "plates-simulated" not in found.values("id")
    assert "data/wells.csv" in found.values("href")


def test_a_screen_without_controls_has_a_map_and_no_count(make, save, rows):
    nothing = {"response": [None] * 12, "side_effect": None}
    save("well_map", [rows.well_map(role=["other"] * 12, **nothing)])
    found = make()
    assert "map-simulated" in found.values("id")
    assert "look more like" not in found.text
