"""Colonies develop and never go back; those that are judged are of another seed."""

import itertools

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage, stats
from sklearn import metrics
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from gandl_jax import config as configs
from gandl_jax.errors import InputError
from gandl_jax.raw import screen
from gandl_jax.screens import simulated_colonies
from gandl_jax.simulated import colonies

OPTIONS = {"seed": 3, "size_px": 24, "colonies": 3, "times": 4}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("colonies")
    simulated_colonies.generate(str(folder), OPTIONS)
    return folder


def test_every_patch_is_there_and_the_table_names_it(drawn):
    config = configs.default()
    config.data.name = "simulated_colonies"
    spec = screen.load(config)
    metadata = screen.read_metadata(spec, str(drawn))
    table = screen.table(spec, metadata)
    assert len(table) == 2 * 3 * 4 and table["Metadata_Record_ID"].is_unique
    assert set(table["Metadata_Split"]) == {"train", "test"}
    assert table.groupby("Metadata_Colony")["Metadata_Split"].nunique().max() == 1
    for row in metadata.to_dict("records"):
        image = np.asarray(Image.open(drawn / spec.image_path(row)))
        assert image.shape == (24, 24) and image.dtype == np.uint8
        assert image.std() > 3


def test_what_is_missing_is_drawn_again_to_the_bit(drawn):
    paths = sorted(drawn.rglob("*.png"))
    before = paths[5].read_bytes()
    (drawn / "metadata.csv").unlink()
    paths[5].unlink()
    simulated_colonies.generate(str(drawn), OPTIONS)
    assert paths[5].read_bytes() == before and (drawn / "metadata.csv").exists()
    with pytest.raises(InputError, match=r"with other options \(seed\)"):
        simulated_colonies.generate(str(drawn), OPTIONS | {"seed": 4})


def test_colonies_that_are_judged_are_those_of_another_seed():
    truth = simulated_colonies.patches(OPTIONS)
    judged = truth[truth["split"] == "test"].reset_index(drop=True)
    other = OPTIONS | {"seed": 3 + simulated_colonies.TEST_SEED}
    alone = simulated_colonies.patches(other)[: len(judged)]
    pd.testing.assert_series_equal(judged["progress"], alone["progress"])
    learnt = truth[truth["split"] == "train"].reset_index(drop=True)
    assert (judged["progress"] - learnt["progress"]).abs().min() > 0


def test_stages_come_in_order_and_two_classes_are_rare():
    truth = colonies.table(0, colonies=200, times=12, first=0)
    for _, own in truth.groupby("colony"):
        assert (np.diff(own["progress"]) >= 0).all()
        stage = own[own["state"] != colonies.DEBRIS]["state"]
        places = [colonies.STAGES.index(name) for name in stage]
        assert places == sorted(places)
    share = truth["state"].value_counts(normalize=True)
    assert share["dense"] > 0.5
    assert max(share["debris"], share["differentiated"]) < 0.12


def test_a_smoke_screen_has_every_class_in_both_halves():
    """A task of stages refuses an order with a class that the screen lacks."""
    truth = simulated_colonies.patches({"seed": 0, **simulated_colonies.SMOKE})
    for _, half in truth.groupby("split"):
        assert set(half["state"]) == {colonies.DEBRIS, *colonies.STAGES}


@pytest.mark.slow
def test_the_texture_floor_is_what_its_docstring_says():
    options = {"seed": 0, "size_px": 64, "colonies": 60, "times": 12}
    truth = simulated_colonies.patches(options)
    images = [simulated_colonies.draw(row, options) for row in truth.to_dict("records")]
    features = np.array([textures(image) for image in images])
    learnt = (truth["split"] == "train").to_numpy()
    svm = svm_of(features[learnt], truth["state"][learnt])
    told, state = svm.predict(features[~learnt]), truth["state"][~learnt]
    assert metrics.balanced_accuracy_score(state, told) == pytest.approx(
        0.690, abs=0.01
    )
    assert metrics.f1_score(state, told, average="macro") == pytest.approx(
        0.676, abs=0.01
    )


def svm_of(features, states):
    cost = 10 / features.shape[1]
    linear = LinearSVC(C=cost, class_weight="balanced", max_iter=20_000)
    return make_pipeline(StandardScaler(), linear).fit(features, states)


def textures(image):
    """22 numbers, and their logarithms."""
    x = image / 255
    found = [x.mean(), x.std(), *moments(x)]
    smooth = [x, *(ndimage.gaussian_filter(x, s) for s in (0.8, 1.6, 3.2, 6.4))]
    for fine, coarse in itertools.pairwise(smooth):
        found += [(fine - coarse).std(), *moments(fine - coarse)]
    for scale in (1.0, 2.0, 4.0):
        found.append(ndimage.gaussian_gradient_magnitude(x, scale).mean())
        dx, dy = (ndimage.gaussian_filter(x, scale, order=o) for o in ((0, 1), (1, 0)))
        found.append(coherence(dx, dy))
    return np.concatenate([found, np.log(np.abs(found) + 1e-6)])


def moments(x):
    return stats.skew(x.ravel()), stats.kurtosis(x.ravel())


def test_what_is_drawn_changes_with_progress():
    """Fewer, longer cells: gradients fall and lie along the colony."""
    look = colonies._look(np.random.default_rng(0))
    found = []
    for progress in (0.2, 2.9):
        rng = np.random.default_rng(1)
        images = [colonies.draw(rng, "dense", progress, look, 48) for _ in range(8)]
        found.append(np.mean([coherence(*np.gradient(x / 255)) for x in images]))
    assert found[1] > 2 * found[0]


def coherence(dx, dy):
    """Of the structure tensor, 0 of no direction to 1 of one."""
    tensor = [[(dx * dx).mean(), (dx * dy).mean()], [(dx * dy).mean(), (dy**2).mean()]]
    low, high = np.linalg.eigvalsh(tensor)
    return (high - low) / (high + low)
