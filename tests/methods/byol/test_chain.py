"""The jobs on BYOL, from images to features."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax import logs

pytestmark = pytest.mark.slow


def test_it_is_trained_and_embeds(run, tmp_path):
    settings = (
        "--config.train.total_images=96",
        "--config.train.log_every_images=32",
        "--config.train.validation=plate:0.25",
        "--config.method.patience=9",
        "--config.method.spread_every_images=32",
        "--config.embed.steps=last",
    )
    assert run(tmp_path, "--job=prepare,train,embed", *settings, method="byol") == 0
    lines = logs.read(tmp_path)
    for name in ("byol/loss", "byol/spread", "byol/fixed_spread", "validation/loss"):
        assert any(name in line for line in lines), name
    assert list((tmp_path / "images").glob("*.png")), "images beside their views"
    folder = tmp_path / "profiles/simulated/byol@3"
    parts = pd.concat(map(pd.read_parquet, sorted(folder.glob("part-*.parquet"))))
    columns = [c for c in parts if c.startswith("penultimate__")]
    features = parts[columns].to_numpy()
    assert features.shape == (108, 8) and np.isfinite(features).all()
    assert features.std(0).max() > 0
