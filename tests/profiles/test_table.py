"""Well names against a hand-written table; groups of records."""

import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles import table

WELLS = {  # the corners of 96, 384 and 1536 wells, and what lies around Z
    "A01": (1, 1),
    "A12": (1, 12),
    "H12": (8, 12),
    "P24": (16, 24),
    "Z01": (26, 1),
    "AA02": (27, 2),
    "AB47": (28, 47),
    "AE47": (31, 47),
    "AF48": (32, 48),
    "B2": (2, 2),
}

METADATA = pd.DataFrame(
    {
        "Metadata_Experiment": ["E-1", "E-1", "E-2"],
        "Metadata_Plate": ["1", "2", "1"],
        "Metadata_Well": ["A01", "AA02", "A03"],
        "Metadata_Site_ID": ["a", "b", "c"],
        "Metadata_Role": ["response_1", "treated", "response_0"],
    }
)


@pytest.mark.parametrize("name", WELLS)
def test_well_names(name):
    assert table.parse_well(name) == WELLS[name]


@pytest.mark.parametrize("name", ["", "A", "01", "a01", "A00", "AAA01", "A1_2", "A 1"])
def test_other_well_names_are_refused(name):
    with pytest.raises(InputError, match="is not a row"):
        table.parse_well(name)


def test_a_plate_number_is_another_plate_in_another_experiment():
    assert table.plates(METADATA).tolist() == ["E-1/1", "E-1/2", "E-2/1"]
    assert table.wells(METADATA).tolist() == ["E-1/1/A01", "E-1/2/AA02", "E-2/1/A03"]
    assert table.rows(METADATA).tolist() == ["E-1/1/1", "E-1/2/27", "E-2/1/1"]


def test_control_classes():
    assert table.control_classes(METADATA).tolist() == [1, -1, 0]


def test_records_are_named_by_their_own_column_before_the_site():
    assert table.record_ids(METADATA).tolist() == ["a", "b", "c"]
    named = METADATA.assign(Metadata_Record_ID=["x", "y", "z"])
    assert table.record_ids(named).tolist() == ["x", "y", "z"]


def test_doubled_records_are_refused():
    doubled = METADATA.assign(Metadata_Site_ID=["a", "b", "b"])
    with pytest.raises(InputError, match="1 doubled records, such as 'b'"):
        table.record_ids(doubled)


def test_records_without_names_are_refused():
    with pytest.raises(InputError, match="gan@0 has no column Metadata_Record_ID"):
        table.record_ids(METADATA.drop(columns="Metadata_Site_ID"), table_name="gan@0")


def test_screens_without_experiments_plates_or_wells():
    one = METADATA.drop(columns="Metadata_Experiment")
    assert table.plates(one).tolist() == ["1", "2", "1"]
    assert table.wells(one).tolist() == ["1/A01", "2/AA02", "1/A03"]
    cells = METADATA[["Metadata_Site_ID"]]
    assert table.plates(cells).tolist() == ["all"] * 3
    assert table.wells(cells).tolist() == ["a", "b", "c"]


def test_crops_of_one_image_are_a_well_where_wells_have_no_names():
    crops = pd.DataFrame(
        {
            "Metadata_Record_ID": list("pqrst"),
            "Metadata_Site_ID": ["a", "a", "b", "", None],
            "Metadata_Cell": list("12111"),
        }
    )
    assert table.wells(crops).tolist() == ["a", "a", "b", "s", "t"]
    plates = crops[:3].assign(Metadata_Plate=["1", "2", "2"])
    assert table.wells(plates).tolist() == ["1/a", "2/a", "2/b"]
    whole = crops.drop(columns="Metadata_Cell")  # records are images
    assert table.wells(whole).tolist() == list("pqrst")


def test_cells_without_a_model_are_one_group():
    cells = METADATA.assign(Metadata_Cell_Type=["HRCE", "VERO", "HRCE"])
    assert table.cell_models(cells).tolist() == ["HRCE", "VERO", "HRCE"]
    cells = cells.drop(columns="Metadata_Cell_Type")
    assert table.cell_models(cells).tolist() == ["all"] * 3


def test_wells_that_hold_two_treatments_are_told():
    wells = METADATA.assign(
        Metadata_Well="A01", Metadata_Treatment=["x", "y", ""], Metadata_Role="treated"
    )
    assert table.mixed_wells(wells) is None
    told = table.mixed_wells(wells.drop(columns="Metadata_Plate"))
    assert "1 well holds more than one treatment" in told
    assert "config.screen.columns.plate" in told
