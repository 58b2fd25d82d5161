"""What BYOL's settings and metrics say: views that are the same, and a collapse."""

import pytest

from gandl_jax import config as configs
from gandl_jax import config_checks
from gandl_jax.methods.byol import diagnosis, options
from gandl_jax.methods.findings import BAD, GOOD


def lines(*spreads):
    return [{"step": i + 1, "byol/spread": x} for i, x in enumerate(spreads)]


def config_of(recipe):
    config = configs.small(configs.default("byol"))
    configs.apply_recipe(config, "byol", recipe)
    config.data.dir = "somewhere"
    return config


@pytest.mark.parametrize(
    "recipe, degenerate",
    [
        ("morpho_one", True),
        ("morpho_one_augmented", False),
        ("morpho_several", False),
        ("morpho_several_augmented", False),
    ],
)
def test_one_crop_that_is_not_augmented_is_called_degenerate(recipe, degenerate):
    config = config_of(recipe)
    assert options.doubt(config).startswith("degenerate" if degenerate else "")
    assert bool(options.doubt(config)) == degenerate
    found = diagnosis.findings(lines(*[0.8] * 12), config, [0])
    told = [("views", BAD)] * degenerate + [("spread", GOOD)]
    assert [(one.what, one.state) for one in found] == told


@pytest.mark.parametrize(
    "settings",
    [
        {"turn_prob": 0.5},
        {"augment_prob": 0.5},
        {"crops": ("1x1", "1x1@.5")},  # two sides are two views
        {"crops": ("1x.9",)},
    ],
)
def test_whatever_is_drawn_makes_views_differ(settings):
    config = config_of("morpho_one")
    config.method.update(settings)
    assert options.doubt(config) == ""
    config.method.update(crops=("3x1",), turn_prob=0.0, augment_kinds=())
    assert options.doubt(config).startswith("degenerate")


def test_a_collapse_is_told_once_there_are_enough_values():
    (found,) = diagnosis.findings(lines(*[0.8] * 10, 0.01, 0.01, 0.01), config_of(
        "morpho_several"), [0])  # fmt: skip
    assert (found.what, found.state) == ("spread", BAD) and "0.01" in found.result
    assert diagnosis.spread(lines(0.8, 0.0)) is None


@pytest.mark.parametrize("what", ["views", "spread", "numbers"])
def test_what_is_advised_can_be_set_and_mends_it(what):
    config = config_of("morpho_one")
    before = config.method.learning_rate
    configs.override(config, diagnosis.gentler(what, config))
    config_checks.validate(config, ["train"])
    if what == "views":
        assert options.doubt(config) == ""
    else:
        assert config.method.learning_rate == before / 2
