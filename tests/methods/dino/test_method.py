"""DINO's loss, centre, teacher and frozen prototypes beside NumPy's."""

import jax
import numpy as np
import pytest
from scipy.special import erf, logsumexp

from gandl_jax.methods import multi_crop
from gandl_jax.methods.phase import sample_keys

SETTINGS = {
    "data.crop_px": 8,
    "method.crops": ("2x.5", "1x.25@.5"),
    "method.augment_prob": 0.0,
    "method.average_decay": 0.9,
    "method.average_decay_last": 0.7,
    "method.average_decay_images": 32,
    "method.teacher_temperature_images": 16,
    "method.freeze_prototypes_images": 16,
    # Small, for Adam makes whole steps of gradients that are 0 but for rounding.
    "method.learning_rate": 1e-6,
}
BATCH = 8


@pytest.fixture(scope="module")
def batch(one_batch):
    return one_batch | {"images": one_batch["images"][:, :8, :8]}


@pytest.fixture(
    scope="module", params=["small_cnn", pytest.param("vit", marks=pytest.mark.slow)]
)
def made(request, make_method):
    """(method, state) whose teacher is not the student, after a batch."""
    backbone = {"model.backbone": request.param, "model.blocks": 1}
    method, state = make_method("dino", **SETTINGS | backbone)
    rng = np.random.default_rng(0)

    def shaken(tree, size):
        """Biases less, which would move all images alike."""

        def shake(x):
            own = size if x.ndim > 1 else size / 10
            return x + rng.normal(0, own, x.shape).astype(np.float32)

        return jax.tree.map(shake, tree)

    return method, state.replace(
        step=state.step + 1,
        net=shaken(state.net, 0.1),
        net_average=shaken(state.net, 0.2),
        statistics=shaken(state.statistics, 1.0),
    )


@pytest.fixture(scope="module")
def pooled(made, batch):
    """Function of parameters and key to the pooled features [3, B, D] of the views."""
    method, _ = made

    @jax.jit
    def see(params, key):
        part = batch | {"keys": sample_keys(key, batch["index"])}
        views = multi_crop.crops(method._config, part)
        maps = [method._trunk.maps(params, None, x, train=True)[0] for x in views]
        return [x["pooled"] for x in maps]

    return lambda params, key: np.float64(see(params, key))


def dense(x, layer):
    return x @ np.float64(layer["kernel"]) + np.float64(layer["bias"])


def gelu(x):
    return x * (1 + erf(x / np.sqrt(2))) / 2


def head(params, x):
    """(places, logits) of [V, B, D]."""
    x = gelu(dense(gelu(dense(x, params["dense"])), params["dense1"]))
    x = dense(x, params["dense2"])
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    last = np.float64(params["prototypes"])
    return x, x @ (last / np.linalg.norm(last, axis=0))


def loss_of(student, teacher, centre, temperature):
    """Cross-entropy over (2 - 1) + (3 - 1) + ... = 4 pairs, and the entropy."""
    t = (teacher - centre) / temperature
    names = np.exp(t - logsumexp(t, axis=-1, keepdims=True))
    s = student / 0.1
    log_shares = s - logsumexp(s, axis=-1, keepdims=True)
    pairs = [(0, 1), (0, 2), (1, 0), (1, 2)]
    found = np.mean([-(names[a] * log_shares[b]).sum(-1) for a, b in pairs])
    return found, -(names * np.log(names)).sum(-1).mean()


def test_a_step_is_numpy_s_on_any_number_of_devices(made, batch, pooled, trained):
    method, state = made
    key = jax.random.key(0)
    after, metrics = trained(method, state, batch, 1)
    seen = pooled(state.net, key)
    places, student = head(state.net, seen)
    _, teacher = head(state.net_average, pooled(state.net_average, key)[:2])
    centre = np.float64(state.statistics["centre"])
    temperature = 0.04 + 0.03 * BATCH / 16  # half of its way
    wanted, entropy = loss_of(student, teacher, centre, temperature)
    assert metrics["dino/loss"] == pytest.approx(wanted, rel=1e-5)
    assert metrics["dino/teacher_entropy"] == pytest.approx(entropy, rel=1e-5)
    spread = np.sqrt(1 - np.square(places.mean((0, 1))).sum())
    # 1 - |mean|^2 of float32: known to 2^-24, and its root to 3e-4 at most.
    assert metrics["dino/spread"] == pytest.approx(spread, abs=3e-4) and spread > 0.01
    np.testing.assert_allclose(
        after.statistics["centre"], 0.9 * centre + 0.1 * teacher.mean((0, 1)), atol=1e-6
    )

    # The gradient, by differences; Adam's first moment is a tenth of it.
    found = after.net_optimiser[0].mu["dense2"]["bias"] * 10
    for place in (0, 3):
        sides = []
        for step in (1e-4, -1e-4):
            moved = jax.tree.map(np.float64, state.net)
            moved["dense2"]["bias"][place] += step
            logits = head(moved, seen)[1]
            sides.append(loss_of(logits, teacher, centre, temperature)[0])
        slope = (sides[0] - sides[1]) / 2e-4
        assert found[place] == pytest.approx(slope, rel=1e-4, abs=1e-5)
    assert not np.any(after.net_optimiser[0].mu["prototypes"]), "frozen at first"
    np.testing.assert_array_equal(after.net["prototypes"], state.net["prototypes"])

    way = (np.cos(np.pi * 1 / 4) + 1) / 2  # the second step of four
    kept = 0.7 + 0.2 * way
    jax.tree.map(
        lambda teacher, before, net: np.testing.assert_allclose(
            teacher, kept * before + (1 - kept) * net, atol=1e-6
        ),
        after.net_average,
        state.net_average,
        after.net,
    )
    for devices in (2, 8) if method._config.model.backbone == "vit" else (8,):
        others, theirs = trained(method, state, batch, 1, devices)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
            after,
            others,
        )
        assert theirs["dino/loss"] == pytest.approx(metrics["dino/loss"], rel=1e-5)


def test_prototypes_learn_after_so_many_images(made, batch, trained):
    method, state = made
    after, _ = trained(method, state.replace(step=state.step + 1), batch, 1)
    assert np.any(after.net_optimiser[0].mu["prototypes"])


def test_another_training_starts_from_it_with_other_channels(made, batch):
    method, state = made
    swapped = method.start(state, method.trained(state).for_channels((1, 0)))
    embed = jax.jit(method.embed)
    before = embed(method.items(state)["encoder"], batch["images"])
    after = embed(method.items(swapped)["encoder"], batch["images"][..., ::-1])
    is_vit = "tokens" in before
    more = {"tokens", "blocks"} if is_vit else {"b8", "blocks"}
    assert set(before) == {"pooled", "placed"} | more
    for name, features in before.items():
        np.testing.assert_allclose(after[name], features, atol=1e-4)


def test_channels_apart_are_the_head_s_side_by_side(make_method, batch):
    settings = {"model.backbone": "small_cnn", "model.channels_in": "concatenated"}
    method, state = make_method("dino", **SETTINGS | settings)
    swapped = method.start(state, method.trained(state).for_channels((1, 0)))
    embed = jax.jit(method.embed)
    before = embed(method.items(state)["encoder"], batch["images"])
    after = embed(method.items(swapped)["encoder"], batch["images"][..., ::-1])
    np.testing.assert_allclose(after["placed"], before["placed"], atol=1e-5)
    assert before["pooled"].shape == (8, 32)


def test_what_is_validated_knows_no_batch(made, batch):
    method, state = made
    validate = jax.jit(method.validate)
    whole = validate(state, batch)["loss"]
    part = {"images": batch["images"][:4], "index": batch["index"][:4], "labels": {}}
    np.testing.assert_allclose(validate(state, part)["loss"], whole[:4], rtol=1e-5)
