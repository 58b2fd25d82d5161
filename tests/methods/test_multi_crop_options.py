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


@pytest.mark.parametrize("name", ["byol", "dino", "autoencoder", "classifier", "gan"])
def test_without_augmentation_as_many_whole_images_of_the_same_sides(name):
    config = configs.small(configs.default(name))
    if "crops" in config.method:
        config.method.update(flip_prob=0.5, turn_prob=1.0, blur_prob=0.2)
        config.method.crops = ("1x1", "2x.25-.5", "3x.1@.375")
        config.model.input_px = 48
    plain = options.unaugmented(config)
    assert plain.method.augment_kinds == () and config.method.augment_kinds
    if "crops" in config.method:
        found = [(group.number, group.px) for group in options.groups(plain)]
        assert found == [(1, 48), (2, 48), (3, 18)]
        assert all(group.is_whole for group in options.groups(plain))
        assert not (plain.method.flip_prob or plain.method.turn_prob)
        assert not plain.method.blur_prob and config.method.blur_prob
    changed = {"augment_kinds", "crops", "flip_prob", "turn_prob", "blur_prob"}
    for key, value in plain.method.items():
        assert key in changed or value == config.method[key]
    assert plain.model == config.model
