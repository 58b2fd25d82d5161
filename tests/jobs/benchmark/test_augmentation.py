"""The share of a step that augmentation takes, of a method whose work is known."""

import jax.numpy as jnp
import pytest
from jax import lax

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.errors import InputError
from gandl_jax.jobs.benchmark import augmentation, rounds
from gandl_jax.methods.phase import Phase
from gandl_jax.training import opening

WIDTH, PIXELS = 64, 8 * 8 * 5


class Products:
    """One product of the flat images with a matrix; a second where it blurs."""

    unit = 1

    def __init__(self, config, source):
        self._again = config.method.blur_prob > 0
        self.phases = (Phase("main", 1, self.main), Phase("more", 2, self.main))

    def init(self, key):
        return jnp.ones((PIXELS, WIDTH))

    def main(self, state, batch, key):
        flat = batch["images"].reshape(len(batch["images"]), -1)
        total = (flat @ state).mean()
        if self._again:
            total += jnp.cos(flat @ (state + 1)).mean()
        return state, {"a": lax.pmean(total, parallel.AXIS)}


@pytest.fixture
def config(monkeypatch):
    """Short rounds of the method above, of 8 images."""
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 0.005)
    monkeypatch.setattr(opening, "make_method", Products)
    c = configs.default("autoencoder")
    c.data.crop_px, c.train.batch, c.train.devices = 8, 8, 2
    c.method.blur_prob = 0.2
    return c


def test_what_augmentation_adds_is_its_share(config):
    got = augmentation.measure(config)
    product = 2 * 8 * PIXELS * WIDTH * 1.5 / 1e9  # a second phase, every other step
    assert got["plain_gflop_per_step"] == pytest.approx(product, rel=0.05)
    assert got["gflop_per_step"] == pytest.approx(2 * product, rel=0.1)
    assert got["flops_share"] == pytest.approx(
        1 - got["plain_gflop_per_step"] / got["gflop_per_step"]
    )
    assert got["share_least"] <= got["share"] <= got["share_most"] < 1
    assert got["rounds"] == rounds.ROUNDS
    assert got["step_ms"] > 0 and got["plain_step_ms"] > 0


def test_the_same_step_twice_has_no_share_but_noise(config):
    config.method.blur_prob = 0.0
    got = augmentation.measure(config)
    assert got["flops_share"] == 0
    assert got["share_least"] <= 0.5  # of a noisy machine, and no more than that


def test_work_that_cannot_be_counted_has_no_share(config, monkeypatch):
    monkeypatch.setattr(parallel, "count_flops", lambda *_: None)
    got = augmentation.measure(config)
    assert got["flops_share"] is got["gflop_per_step"] is None


def test_a_batch_that_does_not_divide_is_told(config):
    config.train.devices = 8
    config.train.batch = 12
    with pytest.raises(InputError, match="a batch of 12"):
        augmentation.check(config)
