"""Each rule's number is lowest at what the rule asks for."""

import pytest

from gandl_jax import modules
from gandl_jax.methods import step_choice


@pytest.mark.parametrize(
    "rule, values, best",
    [
        ("balanced_sign", [-0.2, 0.0, 0.3, 0.55, 0.9], 0.55),
        ("closest_images", [-0.01, 0.0, 0.3], -0.01),
        ("validation_loss", [0.4, 0.2, 3.0], 0.2),
    ],
)
def test_the_best_value_has_the_lowest_number(rule, values, best):
    module = modules.load(step_choice.FOLDER, rule)
    assert min(values, key=module.badness) == best


def test_every_rule_says_what_it_looks_at_and_how_that_is_logged():
    for rule in step_choice.names():
        module = modules.load(step_choice.FOLDER, rule)
        assert "/" in module.METRIC and module.NEEDS
        assert module.METRIC in step_choice.missing(rule)
