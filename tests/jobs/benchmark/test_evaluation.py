"""The benchmark of SVMs: what is compared decides alike, at the config's shape."""

import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.jobs.benchmark import evaluation


@pytest.fixture
def config():
    made = configs.default()
    made.benchmark.update(
        evaluation_records=201, evaluation_plates=5, evaluation_widths=(16, 24)
    )
    return made


def test_both_ways_decide_alike(config):
    metadata = evaluation._metadata(201, 5)
    features = evaluation._features(metadata, 16, 1.0)
    split = evaluation._split(metadata)
    before = evaluation.one_after_another(features, metadata, split)
    now = evaluation._decide(features, metadata, split)
    for one, other in zip(before, now, strict=True):
        np.testing.assert_allclose(one, other, atol=5e-3)


def test_figures_of_every_width_and_effect(config):
    evaluation.check(config)
    found = evaluation.measure(config)
    assert (found["records"], found["folds"]) == (201, 5)
    assert [(row["width"], row["effect"]) for row in found["svms"]] == [
        (16, "faint"),
        (16, "clear"),
        (24, "faint"),
        (24, "clear"),
    ]
    for row in found["svms"]:
        assert row["times"] == pytest.approx(row["before_s"] / row["now_s"])
        assert abs(row["difference"]) < 0.03
        assert row["balanced_accuracy"] > (0.65 if row["effect"] == "clear" else 0.45)


def test_too_few_records_are_refused(config):
    config.benchmark.evaluation_records = 49
    with pytest.raises(InputError, match="evaluation_records=49 on .*_plates=5"):
        evaluation.check(config)
