"""Bags, networks and labels that there cannot be."""

import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.methods.deemd import options

BAD = {
    "top_k=10 tiles are to answer for a bag, and tiles of 64 px of config.data.crop_px="
    "128 are 9: set --config.method.top_k=9 or less": {"model.tile_px": 64},
    "patience=2 stops by the loss on records": {"method.patience": 2},
    "tile_px=33 should be even": {"model.tile_px": 33},
    "half of it divide config.data.crop_px=128": {"model.tile_px": 48},
    "config.model.tile_px=256 should be": {"model.tile_px": 256},
    "there is no model.backbone 'resnet5'": {"model.backbone": "resnet5"},
    "model.tile_px=16 leaves nothing of the deepest maps of config.model.backbone="
    "densenet121, which takes 29 px at least: set --config.model.tile_px=29": {
        "model.backbone": "densenet121",
        "model.tile_px": 16,
    },
    "model.tile_px=32 should be a multiple of 64, for each of config.model.blocks=6 "
    "halves it: 64, say, as in --config.model.tile_px=64": {
        "model.backbone": "small_cnn",
        "model.blocks": 6,
    },
    "weights=x is of a published network": {
        "model.backbone": "small_cnn",
        "model.weights": "x",
    },
    "config.train.accumulate=2": {"train.accumulate": 2},
    "names 'b64', which is no stage": {
        "model.backbone": "small_cnn",
        "method.freeze": ("b64",),
    },
    "config.method.infected is empty": {"method.infected": ()},
    "both name 'response_1'": {"method.infected": ("response_0", "response_1")},
    "there is no method.class_weights": {"method.class_weights": "balance"},
}


@pytest.fixture
def config():
    config = configs.default("deemd")
    config.data.crop_px = 128
    return config


@pytest.mark.parametrize("words", BAD)
def test_bad_options_are_refused(words, config):
    options.check(config)
    config.update_from_flattened_dict(BAD[words])
    with pytest.raises(InputError) as refused:
        options.check(config)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_a_bag_of_the_paper_has_49_tiles(config):
    config.data.crop_px = 1024
    assert options.tile_px(config) == 256
    config.method.top_k = 49
    options.check(config)


def test_parts_of_a_batch_are_well_without_batch_statistics(config):
    config.model.backbone, config.train.accumulate = "small_cnn", 2
    options.check(config)


def test_labels_without_a_control_are_refused(config):
    config.data.label = "Role"
    options.check_classes(config, {"Role": ("response_0", "response_1", "treated")})
    for names in (("response_0", "treated"), ("other", "response_1")):
        with pytest.raises(InputError, match="deemd does not apply to .*=Role, of whi"):
            options.check_classes(config, {"Role": names})
