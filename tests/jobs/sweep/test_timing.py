"""Which runs of a sweep are timed, to train for equally long."""

from gandl_jax import config as configs
from gandl_jax.jobs.sweep import timing
from gandl_jax.jobs.sweep.runs import Run


def test_what_trains_nothing_is_not_timed_and_stays_so(tmp_path):
    config = configs.default("classifier")
    configs.apply_recipe(config, "classifier", "concatenated")
    run = Run("concatenated", config, tmp_path, ())
    (same,) = timing.with_steps([run], 3.0, book=None, folder=tmp_path, start=None)
    assert same is run and same.config.train.total_images == 0
