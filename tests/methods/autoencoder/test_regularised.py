"""A code that is asked for labels, beside NumPy's; and the rule as it was published."""

import jax
import numpy as np
import pytest
from scipy.special import softmax

from gandl_jax import config as configs
from gandl_jax import config_checks
from gandl_jax.errors import InputError
from gandl_jax.methods.autoencoder import options

TOY = {
    "data.crop_px": 8,
    "model.blocks": 1,
    "model.width": 4,
    "model.code_dim": 5,
    "model.penultimate_dim": 6,
    "method.learning_rate": 1e-2,
}
REGULARISED = TOY | {"method.classifier_weight": 0.5, "method.class_weights": "equal"}
HEAD = ("dense", "heads_Treatment")


@pytest.fixture(scope="module")
def batch(one_batch):
    return one_batch | {"images": one_batch["images"][:, :8, :8]}


@pytest.fixture(scope="module")
def plain(make_method):
    return make_method("autoencoder", **TOY)


def codes(method, params, images):
    found = method._net.apply({"params": params}, images, method="encode")["code"]
    return np.float64(found)


def dense(x, layer):
    return x @ np.float64(layer["kernel"]) + np.float64(layer["bias"])


class Classifier:
    """A layer, a LeakyReLU, logits; cross-entropy of probabilities taken for logits."""

    def __init__(self, net, published):
        self.params = {n: jax.tree.map(np.float64, dict(net[n])) for n in HEAD}
        self.published, self.steps = published, 0
        self.moments = jax.tree.map(lambda x: (0 * x, 0 * x), self.params)

    def logits(self, x):
        self.x, self.z = x, dense(x, self.params["dense"])
        self.h = np.where(self.z > 0, self.z, 0.01 * self.z)
        return dense(self.h, self.params[HEAD[1]])

    def loss(self, x, labels):
        """[B], and the slope of its mean in the logits [B, K]; blanks count nothing."""
        logits, known = self.logits(x), labels >= 0
        wanted = np.eye(3)[labels] * known[:, None]
        shares = softmax(logits, 1)
        lesson = softmax(shares, 1) if self.published else shares
        slope = (lesson - wanted) * known[:, None] / len(labels)
        if self.published:  # through the first softmax
            slope = shares * (slope - (slope * shares).sum(1, keepdims=True))
        return -(wanted * np.log(lesson)).sum(1), slope

    def learn(self, x, labels, weight, rate):
        """A step of Adam on the mean loss."""
        _, slope = self.loss(x, labels)
        back = weight * slope @ self.params[HEAD[1]]["kernel"].T
        back = np.where(self.z > 0, back, 0.01 * back)
        slopes = {
            "dense": {"kernel": self.x.T @ back, "bias": back.sum(0)},
            HEAD[1]: {
                "kernel": weight * self.h.T @ slope,
                "bias": weight * slope.sum(0),
            },
        }
        self.steps += 1
        for name in HEAD:
            for part, g in slopes[name].items():
                m, v = self.moments[name][part]
                m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
                self.moments[name][part] = m, v
                m, v = m / (1 - 0.9**self.steps), v / (1 - 0.999**self.steps)
                self.params[name][part] -= rate * m / (np.sqrt(v) + 1e-8)


def test_the_loss_is_the_sum_of_both_on_any_number_of_devices(
    make_method, plain, batch, trained
):
    method, state = make_method("autoencoder", **REGULARISED)
    labels = batch["labels"]["Treatment"]
    net = {name: x for name, x in state.net.items() if name not in HEAD}
    rebuilding = np.float64(
        plain[0].validate(plain[1].replace(net_average=net), batch)["loss"]
    )
    code = codes(method, state.net, batch["images"])
    costs, _ = Classifier(state.net, published=False).loss(code, labels)
    after, metrics = trained(method, state, batch, 1)
    wanted = (rebuilding + 0.5 * costs).mean()
    assert metrics["ae/loss"] == pytest.approx(wanted, rel=1e-5)
    assert metrics["ae/labels"] == pytest.approx(costs.mean(), rel=1e-5)
    assert metrics["ae/rebuilding"] == pytest.approx(rebuilding.mean(), rel=1e-5)
    found = method.validate(state, batch)
    np.testing.assert_allclose(found["loss"], rebuilding + 0.5 * costs, rtol=1e-5)
    assert np.isnan(found["accuracy"]).tolist() == (labels < 0).tolist()
    # The encoder learns of both: its gradient is not that of rebuilding alone.
    alone, _ = trained(plain[0], plain[1].replace(net=net), batch, 1)
    moved = [x.net_optimiser[0].mu["encoder"] for x in (after, alone)]
    away = jax.tree.map(lambda a, b: np.abs(a - b).max(), *moved)
    assert max(jax.tree.leaves(away)) > 1e-4
    others, theirs = trained(method, state, batch, 1, 8)
    assert theirs["ae/loss"] == pytest.approx(wanted, rel=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        after.net_optimiser[0].mu,
        others.net_optimiser[0].mu,
    )
    sets = method.embed(method.items(state)["encoder"], batch["images"])
    hidden = dense(code, state.net["dense"])
    hidden = np.where(hidden > 0, hidden, 0.01 * hidden)
    np.testing.assert_allclose(sets["penultimate"], hidden, atol=1e-5)


def test_as_published_the_encoder_learns_nothing_of_labels(
    make_method, plain, batch, trained
):
    """Step by step: rebuilding goes on as without labels, beside a classifier."""
    settings = REGULARISED | {"method.variant": "as_published"}
    method, state = make_method("autoencoder", **settings)
    labels = batch["labels"]["Treatment"]
    net = {name: x for name, x in state.net.items() if name not in HEAD}
    alone = plain[1].replace(net=net)
    classifier = Classifier(state.net, published=True)
    for _ in range(3):
        code = codes(method, state.net, batch["images"])
        wanted, _ = classifier.loss(code, labels)
        classifier.learn(code, labels, weight=0.5, rate=1e-2)
        state, metrics = trained(method, state, batch, 1)
        alone, rebuilt = trained(plain[0], alone, batch, 1)
        assert metrics["ae/labels"] == pytest.approx(wanted.mean(), rel=1e-5)
        assert metrics["ae/rebuilding"] == pytest.approx(rebuilt["ae/loss"], rel=1e-5)
        for name, x in alone.net.items():
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
                state.net[name],
                x,
            )
        for name in HEAD:
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
                dict(state.net[name]),
                classifier.params[name],
            )


def test_a_batch_of_one_class_is_learnt_from(make_method, batch, trained):
    method, state = make_method("autoencoder", **REGULARISED)
    same = batch | {"labels": {"Treatment": np.full(8, 1, np.int32)}}
    state, metrics = trained(method, state, same, 2)
    assert all(np.isfinite(x) for x in metrics.values())
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(state))


def test_pixels_cost_binary_cross_entropy(make_method, batch):
    method, state = make_method(
        "autoencoder",
        **TOY | {"model.network": "morphology_cnn", "method.loss": "cross_entropy"},
    )
    images = batch["images"] * 1.2  # augmented ones may lie outside
    part = batch | {"images": images}
    (pair,) = method.show(state, part, None)
    made = (np.float64(pair.right) + 1) / 2
    wanted = np.clip((np.float64(images) + 1) / 2, 0, 1)
    cost = -(wanted * np.log(made) + (1 - wanted) * np.log(1 - made))
    found = method.validate(state, part)["loss"]
    np.testing.assert_allclose(found, cost.mean((1, 2, 3)), rtol=1e-5)


BAD = {
    "network=small_cnn rebuilds any: set --config.model.network=morphology_cnn": {
        "method.loss": "cross_entropy"
    },
    "no method.variant 'published'": {"method.variant": "published"},
    "no method.class_weights 'even'": {"method.class_weights": "even"},
    "learns labels, and config.data.label is empty": {"method.classifier_weight": 1.0},
    "crops of 32 px": {"method.crops": ("1x1", "1x.5@.5")},
}


@pytest.mark.parametrize("words", BAD)
def test_what_it_cannot_be_is_refused(words):
    config = configs.default("autoencoder")
    config.data.dir = "somewhere"
    config_checks.validate(config, ["train"])
    config.update_from_flattened_dict(BAD[words])
    with pytest.raises(InputError) as refused:
        config_checks.validate(config, ["train"])
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_labels_are_read_where_there_is_a_classifier_alone():
    config = configs.default("autoencoder")
    config.data.label = "Treatment"
    assert configs.label_columns(config) == () and options.labels(config) == "none"
    configs.apply_recipe(config, "autoencoder", "morpho_regularised_several")
    assert configs.label_columns(config) == ("Treatment",)
    config.data.dir = "somewhere"
    config_checks.validate(config, ["train"])
