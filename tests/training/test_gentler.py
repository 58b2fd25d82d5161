"""What is advised where a training went bad, by methods with and without rules."""

import pytest

from gandl_jax import config as configs
from gandl_jax import modules
from gandl_jax.training import gentler, rollback
from gandl_jax.training.soundness import Trouble


def test_the_method_is_asked():
    config = configs.default("gan")
    config.method.augment = "fixed"
    assert gentler.settings("discriminator", config) == {"method.r1_weight": "40"}


def test_of_a_method_without_rules_it_is_a_lower_learning_rate(monkeypatch):
    config = configs.default("gan")
    monkeypatch.setattr(modules, "part", lambda *_: None)
    assert gentler.settings("discriminator", config) == {
        "method.learning_rate": "0.001"
    }


@pytest.mark.parametrize("what, rate", [("numbers", "0.001"), ("diversity", "0.001")])
def test_a_training_that_went_back_too_often_says_how_to_train_anew(what, rate):
    trouble = Trouble(7, "it is bad", what=what)
    told = str(rollback.used_up(configs.default(), trouble, "rollbacks/4"))
    assert told.startswith("step 7: it is bad; the training went back 3 times already")
    assert told.endswith(f"another --workdir with --config.method.learning_rate={rate}")
