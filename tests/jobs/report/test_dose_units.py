"""Doses of another unit than uM: no figure, table, sentence or header says uM."""

import pytest

from gandl_jax.tasks import curve_table


@pytest.fixture
def page(rows, save, make):
    unit = {"dose_unit": "ug/mL"}
    bound = {"ec50_um": None, "ec50_low_um": 10.0, "ec50_bound": "above"}
    status = "bound: the relative EC50 lies above 10 ug/mL"
    curves = [
        rows.curve("a", ec50=0.02, **unit),
        rows.curve("b", absolute_ec50_um=0.3, absolute_ec50_low_um=0.1,
                   absolute_ec50_high_um=None, **unit),
        rows.curve("c", **bound, **unit) | {"status": status},
    ]  # fmt: skip
    save("dose_response", curves)
    save("well_map", [rows.well_map() | unit])
    return make(), curves


def test_the_unit_is_everywhere(page, read_csv):
    made, curves = page
    text = made.text
    assert "µM" not in text and "uM" not in text and "nM" not in text
    for words in ("0.02 µg/mL", "Relative EC50 (µg/mL)", "dose (µg/mL)"):
        assert words in text
    (first, *_) = read_csv("dose_response")
    assert float(first["ec50_ug_per_ml"]) == 0.02 and "ec50_um" not in first
    for name in ("dose_curves", "wells"):
        (line, *_) = read_csv(name)
        assert "concentration_ug_per_ml" in line and "concentration_um" not in line
    assert "in ug/mL [95 % interval]" in curve_table.text("Dose response", curves)
