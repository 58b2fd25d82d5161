"""RxRx1's table: which of its siRNAs are treatments."""

import pandas as pd

from gandl_jax.raw.screen import table
from gandl_jax.screens.rxrx1 import COLUMNS, SCREEN


def test_the_sirnas_of_controls_are_no_treatments():
    kinds = ("treatment", "positive_control", "negative_control", "treatment")
    names = ("s20894", "s15652", "EMPTY", "s8645")
    rows = dict.fromkeys(COLUMNS.values(), "1")
    metadata = pd.DataFrame([rows] * 4).assign(
        site_id=list("abcd"), well="B02", well_type=kinds, sirna=names
    )
    records = table(SCREEN, metadata)
    assert records["Metadata_Treatment"].tolist() == list(names)
    assert records["Metadata_SiRNA"].tolist() == ["s20894", "", "", "s8645"]
    assert records["Metadata_Role"].tolist() == [
        "treated",
        "treated",
        "response_0",
        "treated",
    ]
