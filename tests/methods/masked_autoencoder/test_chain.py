"""The jobs on a masked autoencoder, from images to features."""

import numpy as np
import pandas as pd
import pytest

from gandl_jax import logs

pytestmark = pytest.mark.slow


def test_it_is_trained_and_embeds(run, tmp_path):
    settings = (
        "--config.train.total_images=64",
        "--config.model.depth=1",
        "--config.embed.steps=last",
    )
    jobs = "--job=prepare,train,embed"
    assert run(tmp_path, jobs, *settings, method="masked_autoencoder") == 0
    assert any("mae/loss" in line for line in logs.read(tmp_path))
    assert list((tmp_path / "images").glob("*.png")), "originals beside rebuilt ones"
    folder = tmp_path / "profiles/simulated/masked_autoencoder@2"
    parts = pd.concat(map(pd.read_parquet, sorted(folder.glob("part-*.parquet"))))
    widths = {
        name: sum(column.startswith(f"{name}__") for column in parts)
        for name in ("tokens", "tokens_std", "blocks")
    }
    assert widths == {"tokens": 16, "tokens_std": 16, "blocks": 16}
    tokens = parts[[c for c in parts if c.startswith("tokens__")]].to_numpy()
    assert len(tokens) == 108 and np.isfinite(tokens).all() and tokens.std(0).min() > 0
