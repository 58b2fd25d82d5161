"""Remarks on metadata that are odd but no error."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gandl_jax.datasets import rxrx19a
from gandl_jax.datasets.remarks import remarks

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
