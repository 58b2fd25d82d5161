"""Names of sets, and which is which."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles import feature_set
from gandl_jax.profiles.feature_set import FeatureSet


def made(name, ids):
    features = np.array([[ord(i), 2.0] for i in ids], np.float32)
    return FeatureSet(name, pd.DataFrame({"Metadata_Site_ID": list(ids)}), features)


def test_names():
    one = made("gan@2000/b8", "ab")
    assert (one.encoder, one.short_name) == ("gan@2000", "b8")
    assert (made("intensity", "a").encoder, made("intensity", "a").short_name) == (
        "intensity",
        "intensity",
    )
    assert feature_set.full_name("gan@2", "b8") == "gan@2/b8"
    assert feature_set.full_name("intensity", "intensity") == "intensity"


@pytest.mark.parametrize(
    ("name", "step", "untrained"),
    [
        ("gan@2000/b8", 2000, "gan@0/b8"),
        ("gan@0/b8", 0, None),
        ("gan@start/b8", None, "gan@0/b8"),
        ("gan@ffhq/b8", None, "gan@0/b8"),
        ("intensity", None, None),
    ],
)
def test_the_untrained_counterpart(name, step, untrained):
    assert feature_set.step(name.partition("/")[0]) == step
    assert feature_set.untrained_name(name) == untrained


def test_what_a_training_started_from():
    assert feature_set.started_name("gan@9/b8") == "gan@start/b8"
    for name in ("gan@0/b8", "gan@start/b8", "intensity"):
        assert feature_set.started_name(name) is None


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("ffhq", "gan@ffhq"),
        ("my net@9/é", "gan@my-net-9"),
        ("500", "gan@file-500"),
        ("..", "gan@file"),
    ],
)
def test_a_file_names_an_encoder_that_is_no_step(name, encoder):
    assert feature_set.named("gan", name) == encoder
    assert feature_set.is_network(encoder) and feature_set.step(encoder) is None


def test_a_row_of_features_per_record():
    with pytest.raises(InputError, match="for 2 records"):
        FeatureSet("x", pd.DataFrame({"a": [1, 2]}), np.zeros((3, 1), np.float32))


def test_kinds_are_the_highest_step_and_its_start():
    names = ["gan@100", "gan@25", "gan@0", "intensity", "published", "ape@0"]
    names.append("classical")
    assert feature_set.roles(names) == {
        "trained": "gan@100",
        "untrained": "gan@0",
        "classical": "classical",
        "intensity": "intensity",
    }
    assert feature_set.roles(["gan@0"]) == {"untrained": "gan@0"}
    assert feature_set.roles(["gan@5", "ape@0"]) == {"trained": "gan@5"}
    assert feature_set.roles([]) == {}


def test_a_network_from_elsewhere_is_trained_where_no_step_is():
    assert feature_set.roles(["gan@0", "gan@ffhq"]) == {
        "trained": "gan@ffhq",
        "untrained": "gan@0",
    }
    assert feature_set.roles(["gan@0", "gan@start", "gan@5"]) == {
        "trained": "gan@5",
        "untrained": "gan@0",
    }
