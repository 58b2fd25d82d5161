"""The reading's figures: what can be known without a clock."""

import numpy as np
import pytest

from gandl_jax import config_files
from gandl_jax.jobs.benchmark import reading


@pytest.mark.slow
def test_figures_agree_with_each_other(tmp_path):
    from gandl_jax.jobs import prepare

    config = config_files.load("configs/demo.py:smoke")
    config.data.source_dir, config.data.dir = str(tmp_path / "a"), str(tmp_path / "b")
    config.train.batch = 8
    prepare.run(config, "")
    got = reading.measure(config, seconds=0.3, repeats=1)
    assert got["share_of_decoder"] == pytest.approx(
        got["sites_per_second"] / got["decoder_sites_per_second"]
    )
    assert 1 < got["crops_per_site"] <= 8 and 8 % got["crops_per_site"] == 0
    plates = got["plates"]
    expected = plates * (1 - (1 - 1 / plates) ** 8)  # plates of equal size
    assert got["plates_per_batch_expected"] == pytest.approx(expected, rel=0.01)
    assert got["plates_per_batch_mean"] == pytest.approx(expected, rel=0.05)
    assert all(np.isfinite(v) for v in got.values() if isinstance(v, float))
