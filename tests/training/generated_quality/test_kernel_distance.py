"""The kernel distance against a double loop, and where nothing differs."""

import itertools

import numpy as np
import pytest

from gandl_jax.training.generated_quality import kernel_distance


def normal(count, width, seed, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 1, (count, width))


def looped(x, y):
    """The estimate as Binkowski et al. write it, one pair at a time."""

    def kernel(a, b):
        return (sum(i * j for i, j in zip(a, b, strict=True)) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    first = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j)
    second = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j)
    both = sum(kernel(a, b) for a, b in itertools.product(x, y))
    return first / (n * (n - 1)) + second / (m * (m - 1)) - 2 * both / (n * m)


@pytest.mark.parametrize("sizes", [(7, 9), (30, 30)])
def test_it_is_the_double_loops(sizes, monkeypatch):
    monkeypatch.setattr(kernel_distance, "ROWS", 4)
    x, y = normal(sizes[0], 5, 0), normal(sizes[1], 5, 1, 0.5)
    groups = np.arange(30)
    found = kernel_distance.distance(x, y, groups[: len(x)], groups[: len(y)])
    assert found.value == pytest.approx(looped(x, y), rel=1e-10)


def test_the_interval_is_that_of_leaving_blocks_out():
    x, y = normal(24, 3, 0), normal(24, 3, 1, 1)
    groups = np.repeat(np.arange(6), 4)[np.random.default_rng(0).permutation(24)]
    found = kernel_distance.distance(x, y, groups, groups)
    out = [looped(x[groups != g], y[groups != g]) for g in range(6)]
    mean = np.mean(out)
    error = np.sqrt(5 / 6 * sum((one - mean) ** 2 for one in out))
    margin = 2.570582 * error  # Student's t, 5 degrees of freedom, 97.5 %
    assert found.high - found.value == pytest.approx(margin, rel=1e-5)
    assert found.value - found.low == pytest.approx(margin, rel=1e-5)


def test_its_expectation_is_0_where_nothing_differs():
    every = [
        kernel_distance.distance(
            normal(60, 8, 2 * seed), normal(60, 8, 2 * seed + 1), *[np.arange(60)] * 2
        )
        for seed in range(200)
    ]
    values = np.array([one.value for one in every])
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean()) < 3 * error and (values < 0).mean() > 0.3
    covered = np.mean([one.low <= 0 <= one.high for one in every])
    assert covered > 0.9


def test_one_group_has_no_interval():
    x = normal(10, 2, 0)
    found = kernel_distance.distance(x, x + 1, np.zeros(10, int), np.arange(10))
    assert np.isfinite(found.value) and np.isnan(found.low) and np.isnan(found.high)
