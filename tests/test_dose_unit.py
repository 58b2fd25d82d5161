"""The unit of doses: what it may be, how it is printed, which columns name it."""

import pytest

from gandl_jax import dose_unit
from gandl_jax.errors import InputError


@pytest.mark.parametrize("unit", ["uM", "nM", "ug/mL", "% v/v", "µM", "mol"])
def test_units(unit):
    dose_unit.check(unit)


@pytest.mark.parametrize("unit", ["", " ", "/", "u\nM", "x" * 21])
def test_what_is_no_unit_is_refused_with_the_remedy(unit):
    with pytest.raises(InputError, match="config.data.dose_unit=.*such as uM"):
        dose_unit.check(unit)


@pytest.mark.parametrize(
    ("unit", "shown"),
    [("uM", "µM"), ("ug/mL", "µg/mL"), ("ul", "µl"), ("nM", "nM"), ("units", "units")],
)
def test_micro_is_a_letter_on_pages(unit, shown):
    assert dose_unit.shown(unit) == shown


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("ec50_um", "uM", "ec50_um"),
        ("ec50_low_um", "nM", "ec50_low_nm"),
        ("concentration_um", "ug/mL", "concentration_ug_per_ml"),
        (
            "Metadata_Concentration_uM",
            "% v/v",
            "Metadata_Concentration_percent_v_per_v",
        ),
        ("rescue", "nM", "rescue"),
        ("sum", "nM", "sum"),
    ],
)
def test_columns_of_doses_name_their_unit(name, unit, expected):
    assert dose_unit.column(name, unit) == expected


def test_rows_of_former_versions_are_in_micromolar():
    assert dose_unit.named_in({}) == "uM"
    assert dose_unit.named_in({"dose_unit": "nM"}) == "nM"
