"""The devices' best rate: what is multiplied, and how often."""

import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax import parallel
from gandl_jax.jobs.benchmark_parts import matrix_product, rounds


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
    monkeypatch.setattr(rounds, "seconds_per_call", lambda run: np.array([3.0, 2.0]))
    found = matrix_product.flops_per_second(parallel.devices(2), jnp.float32, (32,))
    assert found == 2 * 32**3 * 2 / 2.0


def test_larger_sizes_are_tried_while_they_are_faster(monkeypatch):
    told = {8: 100.0, 16: 120.0, 32: 121.0, 64: 999.0}
    monkeypatch.setattr(matrix_product, "_rate", lambda _, __, size: told[size])
    assert matrix_product.flops_per_second([], jnp.float32, tuple(told)) == 121


def test_a_machine_multiplies_at_a_machines_rate(monkeypatch):
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 0.01)
    one = parallel.devices(1)
    assert 1e8 < matrix_product.flops_per_second(one, jnp.float32, (256,)) < 1e16
