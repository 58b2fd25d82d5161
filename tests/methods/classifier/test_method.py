"""The classifier's loss and accuracy beside scikit-learn's, and its parts together."""

import jax
import numpy as np
import pytest
from scipy.signal import correlate2d
from sklearn.metrics import accuracy_score, log_loss
from sklearn.utils.class_weight import compute_sample_weight

from gandl_jax import config as configs
from gandl_jax.methods import multi_crop, one_network
from gandl_jax.methods.classifier.method import Method
from gandl_jax.methods.contract import Source
from gandl_jax.methods.phase import sample_keys
from gandl_jax.models import small_cnn


@pytest.mark.parametrize("weights", ["balanced", "equal"])
def test_loss_and_accuracy_are_those_of_scikit_learn(
    weights, make_method, one_batch, trained
):
    method, state = make_method("classifier", **{"method.class_weights": weights})
    labels = one_batch["labels"]["Treatment"]
    known = labels >= 0
    net = small_cnn.Classifier((8, 16), 8, {"Treatment": 3})
    logits = net.apply({"params": state.net}, one_batch["images"])
    x = np.asarray(logits["Treatment"], np.float64)[known]
    chances = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    truth = labels[known]
    balanced = compute_sample_weight("balanced", truth)  # counts of SOURCE: 3, 2, 1
    weight = balanced if weights == "balanced" else np.ones(len(truth))
    expected = log_loss(truth, chances, sample_weight=weight, normalize=False)
    accuracy = accuracy_score(truth, x.argmax(1))
    _, metrics = trained(method, state, one_batch, 1)
    # A blank record counts nothing, among 8.
    assert metrics["class/loss"] == pytest.approx(expected / 8, rel=1e-5)
    assert metrics["class/accuracy"] == pytest.approx(accuracy)
    found = method.validate(state, one_batch)
    assert np.isnan(found["loss"]).tolist() == (~known).tolist()
    assert np.nansum(found["loss"]) == pytest.approx(expected, rel=1e-5)
    assert np.nanmean(found["accuracy"]) == pytest.approx(accuracy)


def test_it_learns_the_classes(make_method, one_batch, trained):
    method, state = make_method("classifier")
    _, metrics = trained(method, state, one_batch, 60)
    assert metrics["class/accuracy"] == 1.0


def test_blank_labels_teach_nothing(make_method, one_batch, trained):
    method, state = make_method("classifier")
    blank = one_batch | {"labels": {"Treatment": np.full(8, -1, np.int32)}}
    _, metrics = trained(method, state, blank, 1)
    assert metrics["class/gradient_norm"] == 0 and metrics["class/accuracy"] == 0


def test_answers_are_the_probabilities_that_the_loss_is_of(
    make_method, one_batch, tiny_backbone
):
    method, state = make_method("classifier", **tiny_backbone)
    images = one_batch["images"]
    found = method.answer(method.items(state)["encoder"], images)["Treatment"]
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    labels = one_batch["labels"]["Treatment"]
    judged = method.validate(state, one_batch)
    balanced = np.array([8 / 3 / n for n in (3, 2, 1)]) * 6 / 8  # counts of SOURCE
    for i, code in enumerate(labels):
        if code >= 0:
            expected = -np.log(found[i, code]) * balanced[code]
            assert judged["loss"][i] == pytest.approx(expected, rel=1e-4)
            right = float(found[i].argmax() == code)
            assert judged["accuracy"][i] == right


def test_it_tells_the_importance_of_channels_of_the_weights_that_embed():
    config = configs.smoke(configs.default("classifier"))
    config.model.channels_in, config.embed.weights = "blend", "raw"
    method = Method(config, Source(("dna", "actin"), {"Treatment": ("a", "b")}))
    logits = np.log(np.expm1(np.array([[0.3], [0.1]])))
    rows = method.summary({"raw": {"mixing": {"logits": logits}}})
    rows = rows["importance of channels"]
    assert [row["channel"] for row in rows] == ["dna", "actin"]
    assert [row["importance"] for row in rows] == pytest.approx([0.75, 0.25])


def test_patience_stops_it(make_method):
    method, _ = make_method("classifier", **{"method.patience": 2})
    history = [{"validation/loss": x} for x in (1.0, 0.5, 0.6, 0.7)]
    assert not method.done(history[:3]) and "0.5" in method.done(history)


def test_arcface_s_margin_grows_with_the_images_seen(make_method):
    settings = {"method.head": "arcface", "method.arcface_margin": 0.5}
    settings |= {"method.arcface_warmup_images": 32}
    method, _ = make_method("classifier", **settings)
    found = [float(method._margin(np.int32(step))) for step in (0, 1, 2, 4, 9)]
    np.testing.assert_allclose(found, [0, 0.125, 0.25, 0.5, 0.5], rtol=1e-6)


def test_a_batch_of_one_class_trains_arcface(
    make_method, one_batch, trained, tiny_backbone
):
    settings = {"method.head": "arcface", "method.arcface_warmup_images": 0}
    method, state = make_method("classifier", **tiny_backbone, **settings)
    same = one_batch | {"labels": {"Treatment": np.full(8, 1, np.int32)}}
    state, metrics = trained(method, state, same, 5)
    assert all(np.isfinite(x) for x in metrics.values())
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(state))


def stem_maps(kernel, images):
    """[B, H', W', K]: a convolution of 3 x 3, stride 2, padded by 1, written out."""
    padded = np.pad(np.float64(images), ((0, 0), (1, 1), (1, 1), (0, 0)))

    def one(image, k):
        channels = range(kernel.shape[2])
        return sum(correlate2d(image[..., c], kernel[..., c, k], "valid")
                   for c in channels)[::2, ::2]  # fmt: skip

    maps = [[one(image, k) for k in range(kernel.shape[3])] for image in padded]
    return np.moveaxis(np.array(maps), 1, -1)


@pytest.fixture
def baseline(make_method, tiny_backbone):
    """Function of settings to a method and its state: two heads on an embedding."""

    def make(**settings):
        parts = {"method.head": "both", "model.penultimate_relu": False}
        return make_method("classifier", **tiny_backbone | parts | settings)

    return make


def test_statistics_are_those_of_all_devices(baseline, one_batch, trained):
    """Of the first layer beside NumPy; everything alike on 1, 2 and 8 devices.

    Steps are small: Adam makes whole ones of gradients that are 0 but for rounding.
    """
    method, first = baseline(**{"method.learning_rate": 1e-6})
    alone, metrics = trained(method, first, one_batch, 2)
    kernel = np.float64(first.net["encoder"]["stem_conv"]["kernel"])
    maps = stem_maps(kernel, one_batch["images"])
    kept = alone.statistics["encoder"]["stem_norm"]
    for name, batch, before in (
        ("mean", maps.mean((0, 1, 2)), 0),
        ("var", maps.var((0, 1, 2)), 1),
    ):
        expected = 0.81 * before + 0.19 * batch  # twice .9 of itself
        np.testing.assert_allclose(kept[name], expected, atol=1e-5)
    for devices in (2, 8):
        others, theirs = trained(method, first, one_batch, 2, devices)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), alone, others
        )
        for name, value in metrics.items():
            assert theirs[name] == pytest.approx(value, rel=1e-4, abs=1e-6), name


def test_embedding_knows_no_batch(baseline, one_batch):
    method, state = baseline()
    encoder, embed = one_network.items(state)["encoder"], jax.jit(method.embed)
    every = embed(encoder, one_batch["images"])
    assert set(every) == {"penultimate", "pooled"}
    for name, features in embed(encoder, one_batch["images"][:1]).items():
        np.testing.assert_allclose(features, every[name][:1], atol=1e-5)


def changes(before, after):
    """The first two words of each array's path to whether all of those changed."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(before)
    found = {}
    for (path, old), new in zip(leaves, jax.tree.leaves(after), strict=True):
        name = "/".join(key.key for key in path[:2])
        found.setdefault(name, set()).add(not np.array_equal(old, new))
    return found


@pytest.mark.parametrize(
    "freeze, kept", [("stem", "encoder/stem_"), ("backbone", "encoder/")]
)
def test_frozen_parts_and_their_statistics_stay_as_they_are(
    freeze, kept, baseline, one_batch, trained
):
    settings = {"method.freeze": (freeze,), "model.channels_in": "collapsed"}
    method, first = baseline(**settings)
    state, _ = trained(method, first, one_batch, 2)
    fields = ("net", "net_average", "statistics", "statistics_average")
    for field in fields:
        found = changes(getattr(first, field), getattr(state, field))
        for name, changed in found.items():
            assert changed == {not name.startswith(kept)}, (field, name)
        assert any(name.startswith(kept) for name in found)


def test_it_needs_no_label_where_nothing_is_learnt(tiny_backbone):
    config = configs.smoke(configs.default("classifier"))
    configs.apply_recipe(config, "classifier", "concatenated")
    config.model.backbone = tiny_backbone["model.backbone"]
    method = Method(config, Source(("dna", "actin")))
    state = jax.jit(method.init)(jax.random.key(0))
    images = np.zeros((2, 16, 16, 2), np.float32)
    sets = jax.jit(method.embed)(method.items(state)["encoder"], images)
    assert {name: x.shape for name, x in sets.items()} == {"penultimate": (2, 12)}


def test_every_crop_is_told_its_image_s_label(make_method, one_batch, trained):
    settings = {"method.crops": ("1x1", "2x.5"), "method.class_weights": "equal"}
    method, state = make_method("classifier", **settings)
    _, metrics = trained(method, state, one_batch, 1)
    part = one_batch | {"keys": sample_keys(jax.random.key(0), one_batch["index"])}
    net = small_cnn.Classifier((8, 16), 8, {"Treatment": 3})
    labels, losses = one_batch["labels"]["Treatment"], []
    for crop in jax.jit(lambda part: multi_crop.crops(method._config, part))(part):
        logits = net.apply({"params": state.net}, crop)["Treatment"]
        x = np.float64(logits)[labels >= 0]
        chances = np.exp(x) / np.exp(x).sum(1, keepdims=True)
        known = labels[labels >= 0]
        losses.append(log_loss(known, chances, normalize=False))
    assert metrics["class/loss"] == pytest.approx(sum(losses) / 24, rel=1e-5)


def test_the_study_s_network_stands_in_it(make_method, one_batch):
    settings = {"model.backbone": "morphology_cnn", "model.penultimate_slope": 0.01}
    method, state = make_method("classifier", **settings)
    sets = jax.jit(method.embed)(method.items(state)["encoder"], one_batch["images"])
    assert {name: x.shape[1] for name, x in sets.items()} == {
        "penultimate": 8,
        "code": 128,
    }
    layer = state.net["dense"]
    kernel, bias = np.float64(layer["kernel"]), np.float64(layer["bias"])
    hidden = np.float64(sets["code"]) @ kernel + bias
    hidden = np.where(hidden > 0, hidden, 0.01 * hidden)
    np.testing.assert_allclose(sets["penultimate"], hidden, atol=1e-4)
