"""What is called of curves, in the unit of their doses; the numbers: test_curve.py."""

import dataclasses

import numpy as np
import pytest

from gandl_jax.tasks import curve, curve_shape, curve_verdicts

DOSES = np.repeat([0.01, 0.03, 0.1, 0.3, 1.0, 3.0], 2)


def called(top, ec50, unit):
    """A row as of dose response, of wells on a curve, with what is called of it."""
    rng = np.random.default_rng(0)
    response = curve.logistic(DOSES, 0.0, top, ec50, 2.0) + rng.normal(0, 0.02, 12)
    wells = curve.Wells.from_arrays(DOSES, response)
    known = curve.Prior(0.02, 100, 0.02, dose_unit=unit)
    row = dataclasses.asdict(curve.fit_wells(wells, known))
    row |= dataclasses.asdict(
        curve_shape.judge(wells, curve_shape.Scatter(0.02, 100), 0.02)
    )
    row["points"] = [
        {"concentration_um": dose, "response": y, "well": "A01", "plate": "1"}
        for dose, y in zip(DOSES, response, strict=True)
    ]
    row["dose_unit"] = unit
    return curve_verdicts.call([row])[0]


@pytest.mark.parametrize("unit", ["uM", "ug/mL"])
def test_a_bound_has_the_unit_of_the_doses(unit):
    row = called(1.0, 6.0, unit)
    assert row["status"].startswith("bound: the relative EC50 lies above")
    assert row["status"].endswith(f" {unit}")


@pytest.mark.parametrize("unit", ["uM", "ug/mL"])
def test_the_unit_changes_no_number(unit):
    row, usual = called(1.0, 0.2, unit), called(1.0, 0.2, "uM")
    assert row["ec50_um"] == usual["ec50_um"] == pytest.approx(0.2, rel=0.1)
