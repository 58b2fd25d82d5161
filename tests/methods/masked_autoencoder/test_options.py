"""Sizes that a masked autoencoder cannot have."""

import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.masked_autoencoder import options

BAD = {
    "does not divide config.data.crop_px=64: set --config.model.patch_px=8": {
        "model.patch_px": 7
    },
    "does not divide config.model.input_px=60": {"model.input_px": 60},
    "hidden_frac=0.99 hides 16 of the 16 patches": {"method.hidden_frac": 0.99},
    "hides 0 of the 16 patches": {"method.hidden_frac": 0.02},
    "hidden_frac=1.5 should be at most 1": {"method.hidden_frac": 1.5},
    "model.width=386 should be a multiple of 4": {"model.width": 386},
    "of config.model.heads=5": {"model.heads": 5},
    "of config.model.decoder_heads=5": {"model.decoder_heads": 5},
}


@pytest.mark.parametrize("words", BAD)
def test_bad_sizes_are_refused(words):
    config = configs.default("masked_autoencoder")
    options.check(config)
    config.update_from_flattened_dict(BAD[words])
    with pytest.raises(InputError) as refused:
        options.check(config)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_what_is_hidden_is_a_share_of_the_patches():
    config = configs.default("masked_autoencoder")
    config.data.crop_px = 256
    assert (options.patches(config), options.hidden(config)) == (256, 192)
    configs.small(config)
    assert (options.patches(config), options.hidden(config)) == (64, 48)
