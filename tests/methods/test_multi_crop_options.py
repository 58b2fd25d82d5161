"""Crops in words, and what there is not."""

import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods import multi_crop_options as options


def config_of(**settings):
    config = configs.default("autoencoder")
    config.method.update(settings)
    return config


def test_names_and_words_say_crops():
    groups = options.groups(config_of(crops=("morpho_learner",)))
    assert groups == ((1, 1.0, 1.0, 64), (2, 0.5, 0.75, 64), (2, 0.25, 0.5, 64))
    assert options.count(config_of(crops=("morpho_learner",))) == 5
    groups = options.groups(config_of(crops=("2x.4-1", "6x0.05-.4@.5")))
    assert groups == ((2, 0.4, 1.0, 64), (6, 0.05, 0.4, 32))


BAD = {
    "names '1x1.5', a crop larger than the image": {"crops": ("1x1.5",)},
    "a crop of 96 px of images of config.data.crop_px=64": {"crops": ("1x1@1.5",)},
    "names 'two', which is no crop": {"crops": ("two",)},
    "did you mean 'morpho_learner'": {"crops": ("morpho-learner",)},
    "share should be above 0, its lowest": {"crops": ("2x.5-.4",)},
    "number and share should be above 0": {"crops": ("0x.5",)},
    "crops is empty": {"crops": ()},
    "flip_prob=2.0 should be at most 1": {"flip_prob": 2.0},
    "blur_least_px=3.0 is above": {"blur_least_px": 3.0},
    "blur_taps=4 should be odd and below 128": {"blur_taps": 4},
    "below 16, twice the side of the smallest": {
        "blur_taps": 17,
        "crops": ("1x1@.125",),
    },
}


@pytest.mark.parametrize("words", BAD)
def test_what_there_is_not_is_refused(words):
    options.check(config_of())
    with pytest.raises(InputError) as refused:
        options.check(config_of(**BAD[words]))
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_a_method_of_one_side_refuses_others():
    options.check_one_side(config_of(crops=("1x1@1", "2x.4")))
    with pytest.raises(InputError, match="crops of 32 px.*autoencoder.*behind @"):
        options.check_one_side(config_of(crops=("1x1", "2x.4@.5")))
