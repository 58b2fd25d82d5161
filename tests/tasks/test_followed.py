"""Who is followed, and who is decided on alone."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError, Skip
from gandl_jax.tasks import followed

OPTIONS = {"group": "track", "time": "frame", "object": ""}


def table(*rows):
    columns = ["Metadata_Track", "Metadata_Frame", "Metadata_Object"]
    return pd.DataFrame(rows, columns=columns, index=range(5, 5 + len(rows)))


def test_records_that_cannot_be_followed_are_alone_and_counted():
    found = followed.find(
        table(
            ("a", "10", "1"),
            ("a", "9", "1"),
            ("b", "1", "1"),  # seen once
            ("", "1", "1"),  # of no track
            ("c", "", "1"),  # at no time
            ("d", "1", "1"),
            ("d", "1", "2"),  # two at one time
            ("d", "2", "1"),  # and what is left of d is seen once
        ),
        OPTIONS,
    )
    assert (found.group >= 0).tolist() == [True, True] + [False] * 6
    assert found.time[:2].tolist() == [10, 9], "by number, not by text"
    assert found.alone == {
        followed.ONCE: 2,
        followed.NO_GROUP: 1,
        followed.NO_TIME: 1,
        followed.SAME_TIME: 2,
    }


def test_an_object_tells_records_of_one_time_apart():
    rows = [("d", "1", "1"), ("d", "1", "2"), ("d", "2", "1"), ("d", "2", "2")]
    found = followed.find(table(*rows), OPTIONS | {"object": "object"})
    assert found.alone == {}
    assert len(np.unique(found.group)) == 2
    assert found.group[0] == found.group[2] != found.group[1]
    without = followed.find(table(*rows), OPTIONS)
    assert without.alone == {followed.SAME_TIME: 4}


def test_without_a_group_or_times_all_are_alone():
    found = followed.find(table(("a", "1", "")), OPTIONS | {"time": ""})
    assert found.alone == {followed.UNNAMED: 1} and found.group.tolist() == [-1]


def test_times_that_are_no_numbers_and_unknown_columns_are_refused():
    with pytest.raises(InputError, match="1 times .*time=frame.*the first 'noon'"):
        followed.find(table(("a", "1", ""), ("a", "noon", "")), OPTIONS)
    with pytest.raises(InputError, match="staged_classification.group names 'colony'"):
        followed.find(table(("a", "1", "")), OPTIONS | {"group": "colony"})
    with pytest.raises(Skip, match="no column Metadata_Plate"):
        followed.find(table(("a", "1", "")), OPTIONS | {"group": "plate"})
