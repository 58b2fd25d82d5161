"""BYOL's loss, gradient and target beside NumPy's."""

import jax
import numpy as np
import pytest

from gandl_jax.methods import multi_crop
from gandl_jax.methods.phase import sample_keys

SETTINGS = {
    "model.blocks": 1,
    "data.crop_px": 8,
    "method.crops": ("1x1", "2x.5@.5"),
    "method.augment_prob": 0.0,
    "method.average_decay": 0.9,
    "method.average_decay_images": 0,
    # Small, for Adam makes whole steps of gradients that are 0 but for rounding.
    "method.learning_rate": 1e-6,
}


@pytest.fixture(scope="module")
def batch(one_batch):
    return one_batch | {"images": one_batch["images"][:, :8, :8]}


@pytest.fixture(scope="module")
def made(make_method):
    """(method, state) whose target is not the network that learns."""
    method, state = make_method("byol", **SETTINGS)
    rng = np.random.default_rng(0)
    return method, state.replace(
        net_average=jax.tree.map(
            lambda x: x + rng.normal(0, 0.1, x.shape).astype(np.float32),
            state.net_average,
        )
    )


@pytest.fixture(scope="module")
def pooled(made, batch):
    """Function of parameters to the pooled features [3 B, D] of the views."""
    method, _ = made

    @jax.jit
    def see(params):
        keys = sample_keys(jax.random.key(0), batch["index"])
        part = batch | {"keys": keys}
        views = multi_crop.crops(method._config, part)
        maps = [method._trunk.maps(params, None, x, train=True)[0] for x in views]
        return [x["pooled"] for x in maps]

    return lambda params: np.concatenate(see(params)).astype(np.float64)


def dense(x, layer):
    return x @ np.float64(layer["kernel"]) + np.float64(layer["bias"])


def project(x, layers):
    """Dense, normalised by the batch, ReLU, dense; and the batch's statistics."""
    x = dense(x, layers["dense0"])
    mean, var = x.mean(0), x.var(0)
    x = (x - mean) / np.sqrt(var + 1e-5)
    x = x * np.float64(layers["norm"]["scale"]) + np.float64(layers["norm"]["bias"])
    return dense(np.maximum(x, 0), layers["dense1"]), (mean, var)


def heads(params, pooled):
    x = dense(pooled, params["dense"])
    projected, moments = project(np.where(x > 0, x, 0.01 * x), params["projection"])
    return projected, project(projected, params["prediction"])[0], moments


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def loss_of(predicted, projected):
    """2 - 2 cos, the mean over samples and over the six pairs of three views."""
    p, z = (unit(x).reshape(3, 8, -1) for x in (predicted, projected))
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    return np.mean([2 - 2 * (p[b] * z[a]).sum(-1) for a, b in pairs])


def test_a_step_is_numpy_s_on_any_number_of_devices(made, batch, pooled, trained):
    method, state = made
    after, metrics = trained(method, state, batch, 1)
    aims, _, _ = heads(state.net_average, pooled(state.net_average))
    seen = pooled(state.net)
    projected, predicted, (mean, var) = heads(state.net, seen)
    assert metrics["byol/loss"] == pytest.approx(loss_of(predicted, aims), rel=1e-5)
    wanted = np.sqrt(1 - np.square(unit(projected).mean(0)).sum())
    assert metrics["byol/spread"] == pytest.approx(wanted, rel=1e-5)

    # The gradient, by differences, of a layer that the target's loss knows nothing of:
    # Adam's first moment is a tenth of it.
    found = after.net_optimiser[0].mu["prediction"]["dense1"]["bias"] * 10
    for place in (0, 3):
        sides = []
        for step in (1e-4, -1e-4):
            moved = jax.tree.map(np.float64, state.net)
            moved["prediction"]["dense1"]["bias"][place] += step
            sides.append(loss_of(heads(moved, seen)[1], aims))
        assert found[place] == pytest.approx((sides[0] - sides[1]) / 2e-4, abs=1e-5)

    kept = after.statistics["projection"]["norm"]
    np.testing.assert_allclose(kept["mean"], 0.1 * mean, atol=1e-5)
    np.testing.assert_allclose(kept["var"], 0.9 + 0.1 * var, atol=1e-5)
    jax.tree.map(
        lambda target, before, net: np.testing.assert_allclose(
            target, 0.9 * before + 0.1 * net, atol=1e-6
        ),
        after.net_average,
        state.net_average,
        after.net,
    )
    for devices in (2, 8):
        others, theirs = trained(method, state, batch, 1, devices)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
            after,
            others,
        )
        assert theirs["byol/loss"] == pytest.approx(metrics["byol/loss"], rel=1e-5)


def test_what_is_validated_has_fixed_statistics_and_stops_it(make_method, batch):
    method, state = make_method("byol", **SETTINGS, **{"method.patience": 1})
    validate = jax.jit(method.validate)
    whole = validate(state, batch)["loss"]
    half = validate(
        state,
        {"images": batch["images"][:4], "index": batch["index"][:4], "labels": {}},
    )["loss"]
    np.testing.assert_allclose(half, whole[:4], atol=1e-5)  # none knows the others
    history = [{"validation/loss": x} for x in (1.0, 0.5, 0.6)]
    assert not method.done(history[:2]) and "0.5" in method.done(history)


def test_one_crop_that_is_not_augmented_gives_two_equal_views(make_method, batch):
    settings = SETTINGS | {"method.crops": ("whole",), "method.flip_prob": 0.0}
    settings |= {"method.turn_prob": 0.0}
    method, state = make_method("byol", **settings)
    pairs = method.show(state, batch, jax.random.key(0))
    assert [pair.right_words for pair in pairs] == ["a view", "another"]
    for pair in pairs:
        np.testing.assert_array_equal(pair.right, batch["images"])


def test_another_training_starts_from_it_with_other_channels(made, batch):
    method, state = made
    swapped = method.start(state, method.trained(state).for_channels((1, 0)))
    embed = jax.jit(method.embed)
    before = embed(method.items(state)["encoder"], batch["images"])
    after = embed(method.items(swapped)["encoder"], batch["images"][..., ::-1])
    assert set(before) == {"penultimate", "projection", "pooled", "b8", "blocks"}
    for name, features in before.items():
        np.testing.assert_allclose(after[name], features, atol=1e-4)
