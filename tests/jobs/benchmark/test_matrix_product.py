"""The devices' best rate: what is multiplied, and how often."""

import types

import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import parallel
from gandl_jax.jobs.benchmark import matrix_product, rounds


def test_the_matrix_is_orthogonal_and_no_entry_is_small():
    matrix = np.asarray(matrix_product.orthogonal(64, jnp.float32))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(64), atol=1e-6)
    np.testing.assert_allclose(np.abs(matrix), 1 / 8)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_chain_takes_so_many_products(count):
    matrix = np.random.default_rng(0).normal(size=(16, 16)) / 4
    made = matrix_product.chain(jnp.float32(matrix), jnp.array([count]))
    expected = np.linalg.matrix_power(matrix, count + 1)[:1, :1]
    np.testing.assert_allclose(made["corner"], expected, rtol=1e-4)


def test_the_rate_is_that_of_all_devices(monkeypatch):
    seconds = rounds.Seconds(np.array([3.0, 2.0]), np.array([4.0, 8.0]))
    monkeypatch.setattr(rounds, "seconds_per_call", lambda run: seconds)
    found = matrix_product.flops_per_second(parallel.devices(2), jnp.float32, (32,))
    assert found == (2 * 32**3 * 2 / 2, 2 * 32**3 * 2 / 4)


def test_larger_sizes_are_tried_while_they_are_faster(monkeypatch):
    told = {8: (100, 60), 16: (120, 50), 32: (121, 55), 64: (999, 999)}
    rates = {size: matrix_product.Rate(*rate) for size, rate in told.items()}
    monkeypatch.setattr(matrix_product, "_rate", lambda _, __, size: rates[size])
    assert matrix_product.flops_per_second([], jnp.float32, tuple(told)) == (121, 60)


@pytest.mark.parametrize("platform", ["cpu", "tpu"])
def test_shares_are_of_the_products_rate(monkeypatch, platform):
    best = matrix_product.Rate(4e9, 2e9)
    monkeypatch.setattr(matrix_product, "flops_per_second", lambda *_: best)
    devices = [types.SimpleNamespace(platform=platform)]
    by_clock = {"matrix_product_gflop_per_second": 4, "share_of_matrix_product": 0.5}
    by_cores = {
        "matrix_product_gflop_per_core_second": 2,
        "core_share_of_matrix_product": 0.25,
    }
    expected = by_clock | (by_cores if platform == "cpu" else {})
    assert matrix_product.shares(6e9, 3.0, 12.0, devices, jnp.float32) == expected
    unknown = matrix_product.shares(None, 3.0, 12.0, devices, jnp.float32)
    assert unknown["share_of_matrix_product"] is None


def test_a_machine_multiplies_at_a_machines_rate(monkeypatch):
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 0.01)
    one = parallel.devices(1)
    found = matrix_product.flops_per_second(one, jnp.float32, (256,))
    assert 1e8 < found.clock < 1e16 and 1e8 < found.cores < 1e16
