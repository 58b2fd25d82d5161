"""What DINO cannot be."""

import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.dino import options

BAD = {
    "taught_crops=9 is above the number of config.method.crops, 8": {
        "method.taught_crops": 9
    },
    "centre_decay=1.1 should be at most 1": {"method.centre_decay": 1.1},
    "average_decay_last=2.0 should be at most 1": {"method.average_decay_last": 2.0},
    "does not divide config.method.crops=28": {
        "method.crops": ("2x.4-1", "2x.1@.4375"),
    },
    "blocks=4 halves it": {
        "model.backbone": "small_cnn",
        "method.crops": ("2x.4-1", "2x.1@.4375"),
    },
}


@pytest.mark.parametrize("words", BAD)
def test_what_it_cannot_be_is_refused(words):
    config = configs.default("dino")
    options.check(config)
    config.update_from_flattened_dict(BAD[words])
    with pytest.raises(InputError) as refused:
        options.check(config)
    assert words in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("shrink", ["small", "smoke"])
def test_smaller_sizes_are_possible(shrink):
    config = getattr(configs, shrink)(configs.default("dino"))
    options.check(config)
