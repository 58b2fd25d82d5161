"""The training's figures, of a method whose work is known by hand."""

import jax.numpy as jnp
import pytest
from jax import lax

from gandl_jax import config as configs
from gandl_jax import parallel
from gandl_jax.errors import InputError
from gandl_jax.jobs.benchmark import matrix_product, rounds, training
from gandl_jax.methods.phase import Phase
from gandl_jax.training import opening

WIDTH, PIXELS = 32, 8 * 8 * 5
BEST = matrix_product.Rate(1e9, 5e8)


class Dense:
    """Products of the flat images with a matrix, one and three."""

    unit = 2

    def __init__(self, config, screen, classes=()):
        self.phases = (Phase("one", 1, self.one), Phase("three", 4, self.three))

    def init(self, key):
        return jnp.zeros((PIXELS, WIDTH))

    def one(self, state, batch, key):
        return state, {"a": self._mean(batch["images"], state)}

    def three(self, state, batch, key):
        parts = [self._mean(batch["images"], state * 2**i) for i in range(3)]
        return state + 1, {"b": sum(parts)}

    def _mean(self, images, matrix):
        product = images.reshape(len(images), -1) @ matrix
        return lax.pmean(product.mean(), parallel.AXIS)


@pytest.fixture
def config(monkeypatch):
    """Short rounds of the method above, 8 images on 2 devices."""
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 0.005)
    monkeypatch.setattr(matrix_product, "flops_per_second", lambda *_: BEST)
    monkeypatch.setattr(opening, "make_method", Dense)
    c = configs.default()
    c.data.crop_px, c.train.batch, c.train.devices = 8, 8, 2
    return c


def test_figures_of_a_known_method(config):
    got = training.figures(config)
    one, three = got["phases"]
    for row, products in ((one, 1), (three, 3)):
        by_hand = products * 2 * 8 * PIXELS * WIDTH / 1e9
        assert row["gflop"] == pytest.approx(by_hand, rel=0.1)  # and the means
        assert row["gflop"] > by_hand
        assert row["images_per_second"] * row["ms"] / 1e3 == pytest.approx(8)
        assert row["ms_least"] <= row["ms"] <= row["ms_most"] and row["rounds"] == 7
        assert row["gflop_per_second"] * row["ms"] / 1e3 == pytest.approx(row["gflop"])
    assert (one["every_steps"], three["every_steps"]) == (1, 4)
    assert got["step_ms"] == pytest.approx(one["ms"] + three["ms"] / 4)
    assert got["images_per_second"] == pytest.approx(8 / (got["step_ms"] / 1e3))
    work = one["gflop"] + three["gflop"] / 4
    assert got["gflop_per_step"] == pytest.approx(work)
    steps_per_second = got["images_per_second"] / 8
    assert got["share_of_matrix_product"] == pytest.approx(work * steps_per_second)
    assert got["core_ms"] == pytest.approx(one["core_ms"] + three["core_ms"] / 4)
    assert got["core_share_of_matrix_product"] == pytest.approx(
        work * 1e9 * got["images_per_core_second"] / 8 / 5e8
    )
    (whole,) = got["whole_steps"]
    assert whole["steps"] == 4 and whole["images_per_second"] > 0
    assert got["devices"].startswith("2 x ") and got["channels"] == 5
    assert got["compile_seconds"] > 0 and got["peak_rss_mb"] > 50


def test_whole_steps_run_what_is_due_and_none_where_that_is_long(config):
    made = training.RandomTraining(config)
    made.run_periods(3)
    assert float(made.state[0, 0]) == 3  # 12 steps, every fourth adds 1
    assert training._whole_steps(made, 1.01 * training.MOST_SECONDS / 4) == []


def test_work_that_cannot_be_counted_has_no_share(config, monkeypatch):
    monkeypatch.setattr(parallel, "count_flops", lambda *_: None)
    got = training.figures(config)
    assert got["gflop_per_step"] is got["share_of_matrix_product"] is None
    assert got["phases"][0]["gflop_per_second"] is None
    assert got["images_per_second"] > 0


def test_images_are_noise_over_the_whole_range(config):
    made = training.random_training.images(config, 16)
    assert made.shape == (16, 8, 8, 5) and made.dtype == "float32"
    assert abs(made.mean()) < 0.02 and made.std() == pytest.approx(3**-0.5, rel=0.02)
    config.data.channels = ("Hoechst",)
    with pytest.raises(InputError, match="no channel 'Hoechst'"):
        training.check(config)


def test_a_batch_that_does_not_divide_is_told(config):
    config.train.devices = 8
    with pytest.raises(InputError, match="a batch of 8 .* multiple of 16"):
        training.check(config)


@pytest.mark.slow
def test_a_second_start_reads_what_the_first_one_kept(tmp_path):
    c = configs.default()
    c.data.crop_px, c.train.batch, c.train.devices = 8, 4, 1
    c.model.update(channel_base=64, channel_max=8, latent_dim=8, mapping_layers=1)
    c.method.path_weight = 0.0
    got = training.measure(c)
    assert got["second_compile_seconds"] < got["compile_seconds"]
    assert [row["phase"] for row in got["phases"]] == ["d_main", "d_reg", "g_main"]
