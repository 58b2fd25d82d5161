"""Cells that stand for a blank, and what is said of them."""

import pandas as pd

from gandl_jax.raw import blanks


def test_what_was_emptied_is_told():
    before = pd.DataFrame({"drug": ["NA", "", "A"], "dose": [" ", "nan", "1"]})
    after = blanks.emptied(before.assign(site="NA"), ["drug", "dose"])
    assert after.to_dict("list") == {
        "drug": ["", "", "A"],
        "dose": ["", "", "1"],
        "site": ["NA"] * 3,
    }
    assert list(blanks.remarks(before, after)) == [
        "1 cell of the column drug read as blank, such as 'NA'",
        "2 cells of the column dose read as blank, such as ' '",
    ]
    assert list(blanks.remarks(after, after)) == []
