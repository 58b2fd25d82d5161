"""What a training refuses of the records that it would learn from."""

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
