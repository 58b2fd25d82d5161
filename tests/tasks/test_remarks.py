"""What tasks notice of normalisation, and how it is said."""

import numpy as np
import pytest

from gandl_jax.profiles.feature_set import FeatureSet
from gandl_jax.profiles.normalize import Doubt
from gandl_jax.tasks import (
    control_classification,
    label_classification,
    remarks,
    responses,
    retrieval,
    well_map,
)

OPTIONS = {
    "splits": ("plate",),
    "label": "Treatment",
    "controls": True,
    "features": "s",
    "points": 10,
    "max_folds": 10,
    "repeats": 3,
    "normalize": "whiten",
    "svm_c": 1.0,
    "bootstrap_unit": "well",
    "bootstrap_draws": 20,
    "seed": 0,
}


def test_nothing_is_kept_where_nobody_asks():
    remarks.add("s", "whiten", [Doubt("few", 1, "few rows")])
    with remarks.collected() as found:
        assert found == []


def test_each_kind_is_said_once_with_the_largest():
    with remarks.collected() as found:
        remarks.add("a", "tvn", [Doubt("x", 1, "one"), Doubt("y", 5, "five")])
        remarks.add("b", "tvn", [Doubt("x", 3, "three")])
        remarks.add("c", "tvn", [Doubt("x", 2, "two")])
        remarks.add("c", "coral", [Doubt("x", 2, "two")])
    assert remarks.sentences(found) == [
        "normalisation of b by tvn: three (and in 2 more sets)",
        "normalisation of a by tvn: five",
        "normalisation of c by coral: two",
    ]


@pytest.fixture
def one(control_wells):
    """A set of 60 columns, with fewer control wells than are needed to whiten it."""
    metadata = control_wells(plates=2, wells=12, sites=1)
    treated = np.arange(len(metadata)) % 3 == 0
    metadata["Metadata_Role"] = metadata["Metadata_Role"].mask(treated, "treated")
    metadata["Metadata_Treatment"] = np.resize(["a", "b", "c", "d", "e"], len(metadata))
    features = np.random.default_rng(0).normal(size=(len(metadata), 60))
    return FeatureSet("s", metadata, features.astype(np.float32))


@pytest.mark.filterwarnings("ignore::gandl_jax.tasks.skip.LeftOut")
@pytest.mark.parametrize(
    "task", [control_classification, label_classification, retrieval, well_map]
)
def test_every_task_that_normalises_says_that_the_covariance_was_shrunken(task, one):
    plan = task.splits(one.metadata, OPTIONS) if hasattr(task, "splits") else []
    with remarks.collected() as found:
        options = {key: v for key, v in OPTIONS.items() if key != "splits"}
        task.run({"s": one}, plan, **options)
    said = remarks.sentences(found)
    assert any("of s by whiten" in x and "too few to measure" in x for x in said)


def test_responses_say_it_too(one):
    with remarks.collected() as found:
        responses.judge_wells(one, "whiten")
    assert any("too few to measure" in words for words in remarks.sentences(found))
