"""Feature sets as data frames, there and back; tables that are none are refused."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles import frames
from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.seen import Seen

KINDS = [(True, "Role"), (False, ""), (None, None)]


@pytest.fixture
def one():
    metadata = pd.DataFrame({"Metadata_Record_ID": list("abc")}, index=[7, 8, 9])
    features = np.arange(36, dtype=np.float32).reshape(3, 12)
    return FeatureSet("gan@9/b8", metadata, features, Seen.from_pairs(KINDS))


def test_a_set_goes_into_a_table_and_comes_back(one):
    frame = frames.to_frame(one)
    assert frame["seen_images"].tolist() == ["yes", "no", "unknown"]
    assert frame["seen_labels"].tolist() == ["Role", "", "unknown"]
    assert frame["b8__11"].tolist() == [11, 23, 35]
    shuffled = frame[frame.columns[::-1]]  # b8__11, b8__10 ...
    back = frames.from_frame(shuffled, "gan@9/b8")["gan@9/b8"]
    np.testing.assert_array_equal(back.features, one.features)
    assert back.seen.pairs() == KINDS
    assert back.metadata["Metadata_Record_ID"].tolist() == list("abc")


def test_what_was_seen_may_lack(one):
    frame = frames.to_frame(one).drop(columns="seen_labels")
    assert frames.from_frame(frame)["b8"].seen.pairs() == [(None, None)] * 3


def test_several_sets_stand_side_by_side(one):
    frame = frames.to_frame(one)
    both = frame.assign(code__0=[1.0, 2.0, 3.0])
    assert list(frames.from_frame(both)) == ["b8", "code"]
    floor = both.drop(columns=[f"b8__{i}" for i in range(12)])
    named = frames.from_frames({"a/b8": frame, "floor": floor})
    assert [s.features.shape for s in named.values()] == [(3, 12), (3, 1)]


@pytest.mark.parametrize(
    "change, told",
    [
        (
            lambda f: f.filter(regex="Metadata"),
            "features of no set: give columns",
        ),
        (lambda f: f.drop(columns="b8__3"), "lacks columns of the set 'b8'"),
        (lambda f: f.assign(b8__3="a"), "the set 'b8' hold what is no number"),
        (lambda f: f.assign(c__0=1), "has features of b8, c: give columns of one set"),
    ],
)
def test_tables_that_hold_no_set_are_refused(one, change, told):
    with pytest.raises(InputError, match=told):
        frames.from_frame(change(frames.to_frame(one)), "gan@9/b8")


def test_tables_of_other_records_are_refused(one):
    frame = frames.to_frame(one)
    with pytest.raises(InputError, match="'a' and 'b' are not of the same records in"):
        frames.from_frames({"a": frame, "b": frame.iloc[::-1]})
    with pytest.raises(InputError, match="there are no tables of profiles"):
        frames.from_frames({})
