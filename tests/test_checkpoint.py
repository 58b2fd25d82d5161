"""Checkpoints: what is kept, and what is refused."""

import numpy as np
import pytest

from gandl_jax.checkpoint import Checkpoints
from gandl_jax.errors import InputError

SIZES = {"model.latent_dim": 8, "data.channels": ["dna"]}


def items(value):
    return {
        "encoder": {"w": np.full(3, value, np.float32)},
        "train": {"w": np.full(3, value, np.float32), "step": np.int32(value)},
    }


def test_step_0_and_the_newest_are_kept_and_items_are_read_singly(tmp_path):
    saved = Checkpoints(tmp_path, keep=2)
    assert saved.steps() == []
    assert not (tmp_path / "checkpoints").exists()
    for step in (0, 5, 10, 15):
        saved.save(step, items(step), SIZES)
    saved.close()
    again = Checkpoints(tmp_path, keep=2)
    assert again.steps() == [0, 10, 15]
    encoder = again.restore(10, "encoder", items(0)["encoder"])
    np.testing.assert_array_equal(encoder["w"], [10, 10, 10])
    assert again.config(15) == SIZES
    again.close()


def test_another_architecture_is_refused_by_name(tmp_path):
    saved = Checkpoints(tmp_path)
    saved.save(0, items(0), SIZES)
    saved.close()
    again = Checkpoints(tmp_path)
    again.check(0, SIZES)
    with pytest.raises(InputError, match="model.latent_dim=8, the config 16"):
        again.check(0, {**SIZES, "model.latent_dim": 16})
    again.close()
