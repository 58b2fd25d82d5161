"""A hierarchy's heads: codes, probabilities of leaves and priors, written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from gandl_jax import config as configs
from gandl_jax import config_checks, parallel
from gandl_jax.errors import InputError
from gandl_jax.methods import class_weights
from gandl_jax.methods.classifier import decisions
from gandl_jax.methods.source import Source
from gandl_jax.tasks import stage_probabilities

COUNTS = (10, 40, 30, 20)  # of debris, dense, differentiated, spread
NAMES = ("debris", "dense", "differentiated", "spread")
SOURCE = Source(("phase",), {"State": NAMES}, {"State": COUNTS}, records=100)
TEXT = "debris | dense > spread > differentiated"
HEADS = ["State_1", "State_2", "State_3"]


def hierarchy(weigh=class_weights.equal, source=SOURCE):
    return decisions.Hierarchy(TEXT, source, weigh)


def test_each_decision_is_about_the_classes_that_come_to_it():
    one = hierarchy()
    codes = one.codes({"State": jnp.array([0, 1, 2, 3, -1])})
    assert list(codes) == HEADS
    assert codes["State_1"].tolist() == [0, 1, 1, 1, -1]
    assert codes["State_2"].tolist() == [-1, 0, 1, 1, -1]
    assert codes["State_3"].tolist() == [-1, -1, 1, 0, -1]
    assert one.sides["State_2"] == ("dense", "spread or differentiated")


def test_each_decision_is_balanced_by_itself():
    weights = hierarchy(class_weights.balanced).weights
    for head, counts in zip(HEADS, [(10, 90), (40, 50), (20, 30)], strict=True):
        expected = sum(counts) / (2 * np.array(counts))
        np.testing.assert_allclose(weights[head], expected, rtol=1e-6)


def test_leaves_are_products_and_their_priors_too():
    rng = np.random.default_rng(0)
    answers = {head: rng.normal(size=(5, 2)).astype(np.float32) for head in HEADS}
    first, second, third = (log_softmax(answers[h], 1) for h in HEADS)
    expected = np.stack(
        [
            first[:, 0],
            first[:, 1] + second[:, 0],
            first[:, 1] + second[:, 1] + third[:, 1],
            first[:, 1] + second[:, 1] + third[:, 0],
        ],
        1,
    )
    found = hierarchy().logarithms(answers)["State"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(np.exp(found).sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(hierarchy().priors()["State"], np.array(COUNTS) / 100)
    balanced = hierarchy(class_weights.balanced).priors()["State"]
    np.testing.assert_allclose(balanced, [1 / 2, 1 / 4, 1 / 8, 1 / 8])


def test_without_a_hierarchy_classes_are_told_at_once():
    flat = decisions.Flat(SOURCE, class_weights.equal)
    np.testing.assert_allclose(flat.priors()["State"], np.array(COUNTS) / 100)
    alike = decisions.Flat(SOURCE, class_weights.balanced).priors()["State"]
    np.testing.assert_allclose(alike, [0.25] * 4)
    uncounted = decisions.Flat(Source(("a",), {"X": ("a", "b")}), class_weights.equal)
    np.testing.assert_allclose(uncounted.priors()["X"], [0.5, 0.5])


def test_other_classes_or_columns_are_refused():
    config = configs.default("classifier")
    config.method.hierarchy = "dense > spread"
    with pytest.raises(InputError, match="leaves out 'debris', 'differentiated'"):
        decisions.make_decisions(config, SOURCE, class_weights.equal)
    config.method.hierarchy = TEXT + " > dead"
    with pytest.raises(InputError, match="hierarchy names 'dead'.*label=State"):
        decisions.make_decisions(config, SOURCE, class_weights.equal)
    two = Source(("a",), {"X": ("a", "b"), "Y": ("a", "b")})
    with pytest.raises(InputError, match="data.label names X, Y: name one"):
        decisions.make_decisions(config, two, class_weights.equal)
    config.update_from_flattened_dict({"data.dir": "d", "data.label": "State"})
    config.method.hierarchy = "dense > > spread"
    with pytest.raises(InputError, match="lacks a class beside"):
        config_checks.validate(config, ["train"])


SETTINGS = {"method.hierarchy": "b | a > c", "method.learning_rate": 1e-2}


def test_a_method_learns_its_decisions_and_tells_leaves(
    make_method, one_batch, trained
):
    method, state = make_method("classifier", **SETTINGS)
    before = jax.device_get(state.net)
    assert {name for name in before if name.startswith("heads_")} == {
        "heads_Treatment_1",
        "heads_Treatment_2",
    }
    after, metrics = trained(method, state, one_batch, 60)
    assert metrics["class/accuracy"] == 1, "of leaves, of known labels"
    encoder = method.items(after)["encoder"]
    images = one_batch["images"]
    sets = method.embed(encoder, images)
    assert list(sets)[-1] == "leaves_treatment"
    assert stage_probabilities.set_name("Treatment") == "leaves_treatment"
    told = method.answer(encoder, images)["Treatment"]
    known = one_batch["labels"]["Treatment"] >= 0
    right = told.argmax(1) == one_batch["labels"]["Treatment"]
    assert right[known].all()
    priors = method._decisions.priors()["Treatment"]
    np.testing.assert_allclose(priors, [1 / 4, 1 / 2, 1 / 4], rtol=1e-6)
    expected = np.asarray(told, np.float64) / priors
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(sets["leaves_treatment"], expected, atol=1e-5)


def test_the_loss_is_the_sum_of_the_decisions(make_method, one_batch):
    method, state = make_method("classifier", **SETTINGS)
    step = parallel.split(method.main, parallel.devices(1))
    _, metrics = step(state, one_batch, jax.random.key(0))
    params = jax.device_get(state.net)
    maps, _ = method._trunk.maps(state.net, None, one_batch["images"], train=True)
    x = np.maximum(
        np.asarray(maps["pooled"]) @ params["dense"]["kernel"]
        + params["dense"]["bias"],
        0,
    )
    labels = one_batch["labels"]["Treatment"]
    total = 0.0
    for head, sides, counts in (
        ("heads_Treatment_1", [1, 0, 1], (2, 4)),  # b against a and c
        ("heads_Treatment_2", [0, -1, 1], (3, 1)),  # a against c
    ):
        own = params[head]
        likely = softmax(x @ own["kernel"] + own["bias"], 1)
        for row, label in zip(likely, labels, strict=True):
            side = sides[label] if label >= 0 else -1
            if side >= 0:
                weight = sum(counts) / (2 * counts[side])
                total -= weight * np.log(row[side])
    assert metrics["class/loss"] == pytest.approx(total / 8, rel=1e-4)
