"""What a projected GAN's config may say, and at which depths it reads."""

import pytest

from gandl_jax import config as configs
from gandl_jax import config_checks
from gandl_jax.errors import InputError
from gandl_jax.methods.projected_gan import options


@pytest.fixture
def config():
    config = configs.default("projected_gan")
    config.data.dir, config.model.weights = "somewhere", ""
    return config


@pytest.mark.parametrize(
    "px, features_px, depths",
    [
        (256, 0, (4, 8, 16, 32)),
        (64, 0, (4, 8, 16, 32)),
        (32, 0, (4, 8, 16)),
        (16, 0, (4, 8)),
        (8, 0, (4,)),
        (16, 128, (4, 8, 16, 32)),
        (64, 224, (4, 8, 16)),
    ],
)
def test_maps_are_read_at_four_depths_or_at_those_that_can_be_halved(
    config, px, features_px, depths
):
    config.data.crop_px, config.model.features_px = px, features_px
    config_checks.validate(config, ["train"])
    assert options.depths(config) == depths


@pytest.mark.parametrize(
    "settings, told",
    [
        (
            {"data.crop_px": 48},
            "should be 4 times a power of two for this network: 32 or 64",
        ),
        ({"model.features_px": 100}, "--config.model.features_px=104, say"),
        ({"model.backbone": "vit"}, "there is no model.backbone"),
        ({"model.backbone": "small_cnn", "model.blocks": 1}, "model.blocks=2 or more"),
        ({"model.backbone": "densenet121", "data.crop_px": 16}, "takes 29 px at least"),
        ({"model.channels_in": "some"}, "there is no model.channels_in"),
        ({"model.channel_base": 32}, "leaves no channel at 64 px"),
        ({"model.resampling": "fast"}, "there is no model.resampling"),
        ({"model.projected_dim": 0}, "should be 1 or more"),
        ({"method.augment_prob": 2.0}, "should be at most 1"),
        ({"method.augment_kinds": ()}, "--config.method.augment_prob=0"),
    ],
)
def test_wrong_values_are_told_before_anything_runs(config, settings, told):
    config.data.crop_px = 64
    config.update_from_flattened_dict(settings)
    with pytest.raises(InputError) as refused:
        config_checks.validate(config, ["train"])
    assert told in str(refused.value) and "\n" not in str(refused.value)
