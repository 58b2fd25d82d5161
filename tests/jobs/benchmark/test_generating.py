"""Drawing is timed in turn with the forward pass, of a method whose pace is known."""

import time

import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.jobs.benchmark import generating, rounds


@pytest.fixture
def config(monkeypatch, tmp_path):
    """A small GAN that draws two classes; nothing is prepared."""
    monkeypatch.setattr(rounds, "ROUNDS", 3)
    monkeypatch.setattr(generating, "ROUND_SECONDS", 0.05)
    c = configs.smoke(configs.default("small_gan"))
    c.data.update(dir=str(tmp_path / "none"), label="State", label_values=("a", "b"))
    c.method.auxiliary_weight = 1.0
    c.generate.batch = 16
    c.train.devices = 2
    return c


def test_drawing_is_a_share_of_the_forward_pass(config, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    got = generating.figures(config)
    assert got["rounds"] == 3 and got["batch"] == 16
    ratio = got["drawing_images_per_second"] / got["forward_images_per_second"]
    assert got["share"] == pytest.approx(ratio, rel=0.8)
    assert got["core_share"] > 0
    assert not list(tmp_path.glob("*")), "nothing is left"


def test_rounds_alternate_and_are_timed_by_the_call():
    calls = []

    def sleeping(name, seconds):
        def run(times):
            calls.append(name)
            time.sleep(seconds * times)

        return run

    both = sleeping("a", 0.01), sleeping("b", 0.03)
    found = np.array(rounds.by_turns(both, seconds=0.1)).swapaxes(0, 1)
    assert calls[2:] == ["a", "b"] * rounds.ROUNDS
    assert found.shape == (2, 2, rounds.ROUNDS)
    one, other = found[0]
    assert (one >= 0.01).all() and (other >= 0.03).all()
    assert (found[1] < 0.01).all(), "sleeping takes no core's time"


def test_what_draws_no_classes_is_refused(config):
    config.data.label = ""
    with pytest.raises(InputError, match="--config.data.label=Class"):
        generating.check(config)
    other = configs.smoke(configs.default("classifier"))
    other.data.update(config.data)
    other.data.label = "State"
    with pytest.raises(InputError, match="classifier draws no images"):
        generating.check(other)
