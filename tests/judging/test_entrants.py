"""Which trainings are at their end, and embedded there."""

import pytest
from etils import epath

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.judging import entrants
from gandl_jax.training import opening


def test_a_network_that_nothing_is_trained_of_is_at_its_end(monkeypatch):
    """Its step is none: what training started from, "classifier@start"."""
    config = configs.default("classifier")
    configs.apply_recipe(config, "classifier", "concatenated")
    monkeypatch.setattr(opening, "newest_step", lambda folder: 0)
    entrants._check_finished(epath.Path("run"), config, None)
    config.train.total_images = 320
    monkeypatch.setattr(opening, "newest_step", lambda folder: 10)
    with pytest.raises(InputError, match="embedded at step None, and .* ended at 10"):
        entrants._check_finished(epath.Path("run"), config, None)
