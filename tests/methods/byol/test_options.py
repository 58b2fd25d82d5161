"""What BYOL cannot be, and the study's settings."""

import pytest

from gandl_jax import config as configs
from gandl_jax import config_checks
from gandl_jax.errors import InputError
from gandl_jax.methods.byol import options

BAD = {
    "config.train.accumulate=2": {"train.accumulate": 2},
    "names '1x2', a crop larger than the image": {"method.crops": ("1x2",)},
    "config.train.validation is empty: set --config.train.validation=well:0.1": {
        "method.patience": 1
    },
    "average_decay=1.5 should be at most 1": {"method.average_decay": 1.5},
    "no model.backbone 'resnet50'": {"model.backbone": "resnet50"},
    "config.method.crops=40 should be a multiple of 16": {
        "method.crops": ("1x1", "2x.5@.625")
    },
    "patch_px=16 does not divide config.method.crops=24": {
        "model.backbone": "vit",
        "method.crops": ("1x1@.375",),
    },
    "vit_width=30 should be a multiple of 4": {
        "model.backbone": "vit",
        "model.vit_width": 30,
    },
    "config.data.crop_px=66 should be a multiple of 4": {
        "model.backbone": "morphology_cnn",
        "data.crop_px": 66,
    },
    "no model.channels_in 'each'": {"model.channels_in": "each"},
}


@pytest.mark.parametrize("words", BAD)
def test_what_it_cannot_be_is_refused(words):
    config = configs.default("byol")
    options.check(config)
    config.update_from_flattened_dict(BAD[words])
    with pytest.raises(InputError) as refused:
        options.check(config)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_the_study_s_recipe():
    config = configs.small(configs.default("byol"))
    configs.apply_recipe(config, "byol", "morpho_one")
    config.data.dir = "somewhere"
    config_checks.validate(config, ["train"])
    assert options.views(config) == 2  # of one crop a second drawing
    configs.apply_recipe(config, "byol", "morpho_several")
    config_checks.validate(config, ["train"])
    assert options.views(config) == 5
