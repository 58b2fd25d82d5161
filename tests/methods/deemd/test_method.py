"""DEEMD's answers, features and steps beside NumPy, with either kind of network."""

import jax
import numpy as np
import pytest

from gandl_jax.methods import backbone
from gandl_jax.models import small_cnn

CLASSES = ("a", "b", "c")  # of SOURCE; c is neither
SETTINGS = {"method.infected": ("b",), "method.healthy": ("a",), "model.blocks": 1}
TARGET = np.array([0, 1, -1, -1, 0, 1, 0, -1])  # of `one_batch`


@pytest.fixture(scope="module")
def made(make_method):
    return make_method("deemd", **SETTINGS)


@pytest.fixture(scope="module")
def encoded(made, one_batch):
    method, state = made
    encoder = method.items(state)["encoder"]
    return encoder, jax.device_get(jax.jit(method.embed)(encoder, one_batch["images"]))


def features_of_tiles(state, images):
    """[B, 9, D], tile by tile, in float64."""
    small = small_cnn.Classifier((8,), 8, {})
    net = jax.jit(lambda x: small.apply({"params": state.net}, x, method="encode"))
    cut = [
        net(images[:, y : y + 8, x : x + 8])["penultimate"]
        for y in (0, 4, 8)
        for x in (0, 4, 8)
    ]
    return np.stack(cut, 1).astype(np.float64)


def logits_of(state, features):
    head = jax.tree.map(
        lambda x: np.asarray(x, np.float64), state.net["heads_infection"]
    )
    return (features @ head["kernel"] + head["bias"])[..., 0]


def test_features_are_means_over_tiles_and_the_highest_answers(
    made, encoded, one_batch
):
    method, state = made
    encoder, sets = encoded
    features = features_of_tiles(state, one_batch["images"])
    np.testing.assert_allclose(sets["penultimate"], features.mean(1), atol=1e-5)
    highest = np.sort(logits_of(state, features), 1)[:, :-3:-1]
    np.testing.assert_allclose(sets["infection"], highest, atol=1e-5)
    # A site of two crops is one bag of 18 tiles.
    row = method.pool(encoder, {name: x[:2] for name, x in sets.items()})
    both = np.sort(logits_of(state, features[:2]).ravel())[-2:].mean()
    assert row["infection"].shape == (1,)
    np.testing.assert_allclose(row["infection"], [1 / (1 + np.exp(-both))], atol=1e-5)
    expected = features[:2].mean((0, 1))
    np.testing.assert_allclose(row["penultimate"], expected, atol=1e-5)


def test_the_loss_is_of_known_bags(made, one_batch, trained):
    method, state = made
    features = features_of_tiles(state, one_batch["images"])
    bag = np.sort(logits_of(state, features), 1)[:, -2:].mean(1)
    chance, known = 1 / (1 + np.exp(-bag)), TARGET >= 0
    # Counts of SOURCE are 3 of a, 2 of b: weights 5 / 6 and 5 / 4.
    loss = np.where(TARGET == 1, -5 / 4 * np.log(chance), -5 / 6 * np.log(1 - chance))
    right = (bag > 0) == (TARGET == 1)
    found = jax.jit(method.validate)(state, one_batch)
    np.testing.assert_allclose(found["loss"], np.where(known, loss, np.nan), rtol=1e-5)
    np.testing.assert_allclose(
        found["accuracy"], np.where(known, right, np.nan), rtol=1e-5
    )
    _, metrics = trained(method, state, one_batch, 1)
    assert metrics["bag/loss"] == pytest.approx((loss * known).mean(), rel=1e-5)
    assert metrics["bag/accuracy"] == pytest.approx(right[known].mean(), rel=1e-5)


def test_unknown_bags_teach_nothing(made, one_batch, trained):
    blank = one_batch | {"labels": {"Treatment": np.full(8, -1, np.int32)}}
    _, metrics = trained(*made, blank, 1)
    assert metrics["bag/gradient_norm"] == 0 and metrics["bag/accuracy"] == 0


@pytest.mark.slow
def test_it_learns_whose_brightest_tile_is_infected(make_method, one_batch, trained):
    """One tile of an infected image is bright; its mean is as of the others."""
    hard = {"method.top_k": 1, "method.learning_rate": 0.01}
    method, state = make_method("deemd", **SETTINGS, **hard)
    rng = np.random.default_rng(0)
    images = rng.uniform(-0.5, 0.0, (8, 16, 16, 2)).astype(np.float32)
    for i in np.flatnonzero(TARGET == 1):
        images[i, 4:8, 4:8] += 1
        images[i] -= images[i].mean() + 0.25
    _, metrics = trained(method, state, one_batch | {"images": images}, 100)
    assert metrics["bag/accuracy"] == 1.0


@pytest.mark.parametrize(
    "settings", [{}, {"model.channels_in": "concatenated", "model.penultimate_dim": 0}]
)
def test_another_training_starts_from_it_with_other_channels(
    settings, make_method, one_batch
):
    method, state = make_method("deemd", **SETTINGS, **settings)
    swapped = method.start(state, method.trained(state).for_channels((1, 0)))
    embed = jax.jit(method.embed)
    after = embed(method.items(swapped)["encoder"], one_batch["images"][..., ::-1])
    before = embed(method.items(state)["encoder"], one_batch["images"])
    if settings:  # features of each channel lie side by side
        before["penultimate"] = np.roll(before["penultimate"], 8, 1)
    for name, features in before.items():
        np.testing.assert_allclose(after[name], features, atol=1e-5)


def test_frozen_stages_are_called_by_the_side_of_tiles(make_method, one_batch, trained):
    settings = {"model.blocks": 2, "method.freeze": ("b8",)}
    method, state = make_method("deemd", **SETTINGS | settings)
    after, _ = trained(method, state, one_batch, 1)
    before, now = state.net["encoder"], after.net["encoder"]
    for layer in before:
        kept = np.array_equal(before[layer]["conv"]["kernel"],
                              now[layer]["conv"]["kernel"])  # fmt: skip
        assert kept == layer.startswith("b8_"), layer


def test_batch_statistics_are_of_the_tiles_of_all_devices(
    make_method, one_batch, trained, tiny_backbone
):
    settings = tiny_backbone | {"method.learning_rate": 1e-6}
    method, state = make_method("deemd", **SETTINGS, **settings)
    alone, metrics = trained(method, state, one_batch, 1)
    others, theirs = trained(method, state, one_batch, 1, devices=8)
    assert theirs["bag/loss"] == pytest.approx(metrics["bag/loss"], rel=1e-4)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), alone, others
    )
    moved = jax.tree.leaves(
        jax.tree.map(
            lambda a, b: np.abs(a - b).max(), alone.statistics, state.statistics
        )
    )
    assert min(moved) > 0


def test_published_networks_bring_no_answer_of_their_own(
    make_method, tiny_backbone, monkeypatch
):
    method, state = make_method("deemd", **SETTINGS, **tiny_backbone)
    given = jax.tree.map(lambda x: np.asarray(x) + 1, state.net["encoder"])
    found = given, state.statistics["encoder"]
    monkeypatch.setattr(backbone, "pretrained", lambda *_: found)
    begun = method.start(state, method.published())
    own = {"encoder": given, **{n: state.net[n] for n in ("dense", "heads_infection")}}
    jax.tree.map(np.testing.assert_array_equal, begun.net, own)
