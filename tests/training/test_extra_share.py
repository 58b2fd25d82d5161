"""The share of extra records is told by the first phase, on any number of devices."""

import jax
import numpy as np
import pytest

from gandl_jax import parallel
from gandl_jax.methods.phase import Phase
from gandl_jax.training import extra_share


class Two:
    """A method of two phases that counts."""

    unit = 1

    def __init__(self):
        self.phases = (Phase("one", 1, self.step), Phase("two", 1, self.step))

    def step(self, state, batch, key):
        return state + 1, {"a/count": state}

    def embed(self, encoder, images):
        return "as it was"


@pytest.mark.parametrize("devices", [1, 4])
def test_the_share_is_of_the_whole_batch(devices):
    method = extra_share.CountedMethod(Two())
    flags = np.array([1, 0, 0, 0, 1, 1, 0, 1], np.int32)
    batch = {"labels": {extra_share.COLUMN: flags, "State": flags}}
    found = []
    for phase in method.phases:
        step = parallel.split(phase.fn, parallel.devices(devices))
        state, metrics = step(jax.numpy.zeros(()), batch, jax.random.key(0))
        assert state == 1
        found.append(jax.device_get(metrics))
    assert found[0] == {"a/count": 0, extra_share.METRIC: 0.5}
    assert found[1] == {"a/count": 0}
    assert method.embed(None, None) == "as it was" and method.unit == 1
