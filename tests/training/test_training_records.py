"""What a training refuses of the records that it would learn from."""

import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.source import Source
from gandl_jax.training import training_records


def test_labels_that_tell_nothing_apart_are_refused():
    config = configs.default("classifier")
    one = Source(("dna",), {"State": ("sick",)}, {"State": (5,)})
    with pytest.raises(InputError, match="State has one class, 'sick'.*name another"):
        training_records._check_classes(config, one)
    lost = Source(("dna",), {"State": ("sick", "well")}, {"State": (5, 0)})
    config.train.hold_out = "plate:A"
    with pytest.raises(InputError, match="hold_out=plate:A leaves no .* 'well'"):
        training_records._check_classes(config, lost)
    optional = configs.default("gan")
    training_records._check_classes(optional, one)  # which draws one class


def test_one_value_of_each_of_two_columns_tells_something_apart():
    config = configs.default("classifier")
    counts = {"Role": (3,), "Condition": (2,)}
    two = Source(("dna",), {"Role": ("sick",), "Condition": ("UV",)}, counts)
    config.data.label_values = ("sick", "UV")
    training_records._check_classes(config, two)
    one = Source(("dna",), {"Role": ("sick",)}, {"Role": (3,)})
    with pytest.raises(InputError, match="has one class, 'sick'"):
        training_records._check_classes(config, one)


def test_values_that_are_not_asked_for_are_unlearnt_where_labels_are_needed():
    codes = {"Role": np.array([0, -1, -1]), "Condition": np.array([-1, 0, -1])}
    for method, values, expected in (
        ("classifier", ("sick", "UV"), [2]),
        ("classifier", (), []),
        ("gan", ("sick", "UV"), []),  # to which blanks are a class of their own
    ):
        config = configs.default(method)
        config.data.label_values = values
        found = training_records._unlearnt(config, codes, 3)
        assert found.tolist() == expected
