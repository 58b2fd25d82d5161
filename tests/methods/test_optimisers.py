"""Adam against its recurrence."""

import types

import numpy as np
import optax
import pytest

from gandl_jax.methods import optimisers

OPTIONS = types.SimpleNamespace(learning_rate=0.002, beta1=0.5, beta2=0.99)
K = 4


@pytest.mark.parametrize(
    "ours, c",
    [
        (optimisers.adam(OPTIONS), 1),
        (optimisers.lazy_adam(OPTIONS, K), K / (K + 1)),
        (optimisers.lazy_adam(OPTIONS, np.inf), 1),
    ],
)
def test_adam_follows_its_recurrence_with_corrected_rate_and_betas(ours, c):
    x, gradients = np.float64(1.0), [0.3, -0.2, 0.5]
    state, value = ours.init(np.float32(x)), np.float32(x)
    m = v = 0.0
    rate, b1, b2 = 0.002 * c, 0.5**c, 0.99**c
    for t, g in enumerate(gradients, 1):
        update, state = ours.update(np.float32(g), state)
        value = optax.apply_updates(value, update)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        x -= rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + 1e-8)
    np.testing.assert_allclose(value, x, rtol=1e-6)
