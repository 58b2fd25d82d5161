"""Devices: batches are split, results come once, bad batches are refused."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gandl_jax import hosts, parallel
from gandl_jax.errors import InputError, RunError


def test_split_gives_each_device_its_contiguous_part():
    def fn(state, batch, key):
        part = lax.pmean(batch["x"].sum(), parallel.AXIS)
        first = lax.all_gather(batch["x"][0], parallel.AXIS)
        return state + part, first

    run = parallel.split(fn, parallel.devices(4))
    total, first = run(jnp.ones(()), {"x": np.arange(8.0)}, jax.random.key(0))
    assert float(total) == 1 + 28 / 4
    assert first.tolist() == [0, 2, 4, 6]


def test_map_batch_keeps_the_order():
    run = parallel.map_batch(
        lambda s, x: {"y": s * x.mean((1, 2))}, parallel.devices(0)
    )
    images = np.random.default_rng(0).normal(size=(16, 3, 3, 2)).astype(np.float32)
    actual = run(jnp.float32(2), images)["y"]
    np.testing.assert_allclose(actual, 2 * images.mean((1, 2)), rtol=1e-5)


def test_functions_split_together_are_those_split_apart():
    def add(state, batch, key):
        return state + lax.pmean(batch["x"].sum(), parallel.AXIS)

    def draw(state, batch, key):
        return lax.pmean(state * jax.random.normal(key), parallel.AXIS)

    chosen, batch = parallel.devices(2), {"x": np.arange(8.0)}
    both = parallel.split_all([add, draw], chosen)
    for fn, run in zip((add, draw), both, strict=True):
        apart = parallel.split(fn, chosen)
        args = (jnp.float32(3), batch, jax.random.key(1))
        assert float(run(*args)) == float(apart(*args))
    assert float(both[0](*args)) == 3 + 28 / 2
    assert float(both[1](*args)) == 3 * float(jax.random.normal(jax.random.key(1)))


def test_on_one_device_is_the_function():
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    actual = parallel.on_one(lambda x: jnp.tanh(x @ x.T))(x)
    np.testing.assert_allclose(actual, np.tanh(x @ x.T), rtol=1e-5)


@pytest.mark.parametrize("batch, devices, group", [(12, 8, 1), (16, 8, 4), (6, 1, 4)])
def test_batches_that_do_not_divide_are_refused(batch, devices, group):
    with pytest.raises(InputError, match=f"multiple of {devices * group}"):
        parallel.check_batch(batch, devices, group)


def test_parts_of_a_devices_batch_hold_whole_groups_too():
    parallel.check_batch(32, 2, 4, parts=4)
    with pytest.raises(InputError, match="4 parts each .*accumulate.*multiple of 32"):
        parallel.check_batch(16, 2, 4, parts=4)


def test_too_many_devices_are_refused():
    with pytest.raises(InputError, match="this host has 8"):
        parallel.devices(9)


def test_hosts_that_did_not_meet_are_told(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 4)
    with pytest.raises(RunError, match="counts 4 hosts, but 1 met: set JAX_COORD"):
        parallel.devices(0)


def test_some_devices_of_several_hosts_are_refused(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(hosts, "_group", hosts._Group(1, 2, 2))
    with pytest.raises(InputError, match="devices=1 is for one host, and of 2 all"):
        parallel.devices(1)
    with pytest.raises(InputError, match="has 8 devices, all 2 hosts have 8: train on"):
        parallel.all_host_devices(parallel.devices(0))


def test_flops_are_counted_over_the_whole_batch():
    def dense(state, batch, key):
        return state, batch["x"] @ state

    def mapped(state, images):
        return jax.lax.conv_general_dilated(
            images, state, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    key = jax.eval_shape(lambda: jax.random.key(0))  # shapes do
    batch = {"x": jax.ShapeDtypeStruct((8, 64), np.float32)}
    found = parallel.count_flops(dense, jnp.zeros((64, 32)), batch, key)
    assert found == pytest.approx(2 * 8 * 64 * 32, rel=1e-3)  # XLA's sum is 2 off
    images, kernel = np.zeros((4, 6, 6, 3), np.float32), jnp.zeros((3, 3, 3, 5))
    # Along a side, 6 places of 3 taps of which 2 fall on padding.
    by_hand = 2 * 4 * (6 * 3 - 2) ** 2 * 3 * 5
    found = parallel.count_flops(mapped, kernel, images)
    assert found == pytest.approx(by_hand, rel=1e-3)


def test_flops_are_not_known_without_a_cpu(monkeypatch):
    def none(backend=None):
        raise RuntimeError(f"Unknown backend {backend}")

    monkeypatch.setattr(jax, "local_devices", none)
    assert parallel.count_flops(lambda s, x: x, 0.0, np.zeros(2)) is None


def test_the_peak_is_that_of_the_fullest_device():
    def device(told):
        return types.SimpleNamespace(memory_stats=lambda: told)

    told = [device({"peak_bytes_in_use": 5}), device({"peak_bytes_in_use": 7})]
    assert parallel.peak_bytes(told) == 7
    assert parallel.peak_bytes([device(None)]) is None  # as a CPU
